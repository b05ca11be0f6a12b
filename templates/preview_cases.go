package templates

import (
	"strings"

	"github.com/countersign-dev/countersign/approvals"
)

// event is a held GitHub push.
func event() Data {
	return with(pending(), func(d *Data) {
		d.Shown = nil
		d.Approval.Trigger, d.Approval.Name = "deploy", "deploy-m3n7q2wx5abc"
		d.Approval.Source = approvals.Source{Event: &approvals.Event{
			ID: "72d3162e-cc78-11e3-81ab-4c9367dc0958", URL: "/hooks/deploy?branch=main",
			Body:   `{"ref":"refs/heads/main","before":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","compare":"https://git.example.com/platform/network/compare/6113728f27ae...8d1f0c6e2b7a","after":"8d1f0c6e2b7a4493bd0f8a1c55e9d7b6a2f3c410","repository":{"full_name":"platform/network","html_url":"https://git.example.com/platform/network","private":true},"pusher":{"name":"alice"},"commits":[{"id":"77aa0c6e2b7a4493bd0f8a1c55e9d7b6a2f3c410","message":"Name the gateway","url":"https://git.example.com/platform/network/commit/77aa0c6e2b7a4493bd0f8a1c55e9d7b6a2f3c410","author":{"name":"Bob","username":"bob"}},{"id":"8d1f0c6e2b7a4493bd0f8a1c55e9d7b6a2f3c410","message":"Widen the subnet\n\nIt was full.","author":{"name":"Alice"},"added":["net/b.tf"],"removed":[]}]}`,
			Digest: "c7e1f0aa52b9",
		}}
		d.Approval.Resolved.Params, d.Approval.Resolved.Summaries = nil, nil
		d.Approval.Resolved.Requester = ""
		d.Approval.Resolved.About.Title = "deploy 8d1f0c6e2b7a (main)"
	})
}

// mergeRequest is one of GitLab.
func mergeRequest(d *Data) {
	d.Approval.Source.Event.Body = `{"object_kind":"merge_request","user":{"username":"alice"},"project":{"path_with_namespace":"platform/network","web_url":"https://git.example.com/platform/network"},"object_attributes":{"iid":12,"title":"Widen the subnet\u202e of the cluster","url":"https://git.example.com/platform/network/-/merge_requests/12","source_branch":"wider","target_branch":"main","last_commit":{"id":"8d1f0c6e2b7a4493bd0f8a1c55e9d7b6a2f3c410"}}}`
	d.Approval.Resolved.About.Title = "deploy #12"
}

// about has all that a Gate and a Trigger can tell approvers.
func about(d *Data) {
	d.Approval.Resolved.About = approvals.About{
		Title:        "Widen the network of eu-west-1",
		Instructions: "Look at **every** replaced resource, and at `aws_subnet` twice.\nAsk in _#network_ if you are not sure.\n\n## Before you approve\n\n1. The change ticket is *open*.\n2. Nobody else deploys: see the [calendar](https://calendar.example.com/eu-west-1).\n\n- <b>no markup</b> [but](javascript:alert(1)) text\n\n```\nkubectl get nodes\n```\nMore at https://wiki.example.com/network.",
		Links:        []approvals.Link{{Name: "Runbook", URL: "https://runbooks.example.com/network"}, {Name: "Dashboard", URL: "https://grafana.example.com/d/net?var=eu-west-1"}},
	}
}

// hostile is text by somebody who wants the page to lie or to break.
func hostile() Data {
	return with(quorum(), func(d *Data) {
		a := &d.Approval
		const attack = `"><script>alert(1)</script><img src=x onerror=alert(1)> ' onmouseover='alert(1) </textarea></title></pre>{{.Link}} $(id)`
		a.Resolved.About = approvals.About{Title: attack + "\u202e", Instructions: attack + "\n- [x](javascript:alert(1)) **" + attack + "**\u202e", Links: []approvals.Link{{Name: attack, URL: "javascript:alert(1)"}, {Name: attack, URL: "https://x.example.com/\"><script>"}}}
		a.Resolved.Requester = "mallory\r\nBcc: everyone@example.com\u202e<b>"
		a.Source.Run.Pipeline = attack
		a.Resolved.Policy.Approvers[1].Name = attack
		a.Votes = []approvals.Vote{vote("carol\u202e@example.com", approvals.Approve, 0, attack+"\n\nDeadline: never\u2067")}
		a.Resolved.Params = []approvals.Param{
			{Name: "script", Value: attack},
			{Name: "style\" style=\"x", Value: "</style><style>*{display:none}</style>"},
			{Name: "url", Value: "javascript:alert(1)"},
			{Name: "bidi", Value: "access_level = \u202eresu\u2066 // only for admins\u2069"},
			{Name: "hidden", Value: "zero\u200bwidth, soft\u00adhyphen, \x00NUL, \x1b[31mESC, bad \xff byte"},
			{Name: "lines", Value: strings.Repeat("one\r\n\r\ntwo\n", 12)},
			{Name: "big", Value: strings.Repeat("0123456789abcdef", 6400)},
			{Name: "blank", Value: ""},
			{Name: "repo-url", Value: "javascript:alert(1)//https://git.example.com/a/b"},
			{Name: "commit", Value: attack},
		}
		d.Shown = []approvals.Param{
			{Name: "log\u202e", Value: "\x1b]0;title\a\x1b]8;;https://evil.example/\x1b\\a link\x1b]8;;\x1b\\ and \x1b[8mconcealed\x1b[0m text\n" +
				"safe\rcovered\n\x1b[2J\x1b[H\x1b[30;40mblack on black\x1b[0m \x1b[38;5;196mred\x1b[48;2;255;255;0m on yellow\x1b[0m \x1b[7minverse\n" +
				attack + "\n\x1b]never ends\nnext line\n\x1b[9999999999999999999m\x1b[1;31mbomb" + strings.Repeat("\x1b[31m\x1b[1mx\x1b[0m", 3000)},
			{Name: "wide", Value: strings.Repeat("wide ", 400)},
			{Name: "empty", Value: ""},
		}
		d.Chain = &Chain{Before: []approvals.Approval{{Key: approvals.Key{Namespace: attack, Name: attack}, Trigger: attack, Outcome: attack}}}
		d.Comment = attack + "\u202e"
		d.Notice = attack
		d.Trouble = attack
		d.WhyNot, d.Reason, d.Operator = attack, attack, true
		a.Cancellation = &approvals.Cancellation{By: attack, Reason: attack}
		a.Deliveries = []approvals.Delivery{{Event: attack, Channel: attack, Recipient: attack, Error: attack}}
	})
}

// planText is the output of terraform plan, in colour and too long to show at
// once.
const planText = "\x1b[0m\x1b[1maws_vpc.main: Refreshing state... [id=vpc-0a1b2c3d4e5f60718]\x1b[0m\n" +
	"\x1b[0m\x1b[1maws_subnet.a: Refreshing state... [id=subnet-0d4f1e2a3b4c5d6e7]\x1b[0m\n" + `
Terraform used the selected providers to generate the following execution
plan. Resource actions are indicated with the following symbols:
` + "  \x1b[32m+\x1b[0m create\n  \x1b[33m~\x1b[0m update in-place\n\x1b[31m-\x1b[0m/\x1b[32m+\x1b[0m destroy and then create replacement\n" + `
Terraform will perform the following actions:

` + "\x1b[1m  # aws_route_table.private\x1b[0m will be updated in-place\n" +
	"  \x1b[33m~\x1b[0m resource \"aws_route_table\" \"private\" {\n" + `        id               = "rtb-04c7e9d1f0a2b3c4d"
` + "      \x1b[33m~\x1b[0m route            = [\n          \x1b[31m-\x1b[0m {\n              \x1b[31m-\x1b[0m cidr_block                = \"10.20.0.0/16\"\n" +
	"              \x1b[31m-\x1b[0m vpc_peering_connection_id = \"pcx-0f1e2d3c4b5a69788\"\n            },\n          \x1b[32m+\x1b[0m {\n" +
	"              \x1b[32m+\x1b[0m cidr_block                = \"10.20.0.0/15\"\n              \x1b[32m+\x1b[0m vpc_peering_connection_id = \"pcx-0f1e2d3c4b5a69788\"\n            },\n        ]\n" + `        # (5 unchanged attributes hidden)
    }

` + "\x1b[1m  # aws_security_group.db\x1b[0m will be created\n" +
	"  \x1b[32m+\x1b[0m resource \"aws_security_group\" \"db\" {\n      \x1b[32m+\x1b[0m arn                    = (known after apply)\n" +
	"      \x1b[32m+\x1b[0m description            = \"Database access from the private subnets of the production network, reviewed by the security team in 2026\"\n" +
	"      \x1b[32m+\x1b[0m ingress                = [\n          \x1b[32m+\x1b[0m {\n              \x1b[32m+\x1b[0m cidr_blocks      = [\n                  \x1b[32m+\x1b[0m \"10.20.0.0/15\",\n                ]\n" +
	"              \x1b[32m+\x1b[0m from_port        = 5432\n              \x1b[32m+\x1b[0m protocol         = \"tcp\"\n              \x1b[32m+\x1b[0m to_port          = 5432\n            },\n        ]\n" +
	"      \x1b[32m+\x1b[0m name                   = \"db\"\n      \x1b[32m+\x1b[0m vpc_id                 = \"vpc-0a1b2c3d4e5f60718\"\n    }\n" + `
` + "\x1b[1m  # aws_subnet.a\x1b[0m must be \x1b[1m\x1b[31mreplaced\x1b[0m\n" +
	"\x1b[31m-\x1b[0m/\x1b[32m+\x1b[0m resource \"aws_subnet\" \"a\" {\n      \x1b[33m~\x1b[0m arn                             = \"arn:aws:ec2:eu-west-1:123456789012:subnet/subnet-0d4f1e2a3b4c5d6e7\" -> (known after apply)\n" +
	"      \x1b[33m~\x1b[0m cidr_block                      = \"10.20.1.0/24\" -> \"10.20.0.0/22\" \x1b[31m# forces replacement\x1b[0m\n" +
	"      \x1b[33m~\x1b[0m id                              = \"subnet-0d4f1e2a3b4c5d6e7\" -> (known after apply)\n" +
	"      \x1b[31m-\x1b[0m map_customer_owned_ip_on_launch = false \x1b[90m-> null\x1b[0m\n        tags                            = {\n            \"Name\" = \"a\"\n        }\n" + `        # (9 unchanged attributes hidden)
    }

` + "\x1b[1mPlan:\x1b[0m 2 to add, 1 to change, 1 to destroy.\n\n" + `Saved the plan to: /workspace/out/tfplan
`

// loggedIn is the page behind a login instead of behind a mailed link.
// live updates itself.
func live(d *Data) { d.Live = true }

// inChain stands between two other Approvals.
func inChain(d *Data) {
	before, after := pending().Approval, pending().Approval
	before.Name, before.Trigger, before.Outcome = "plan-3kx92mzq71ab", "terraform-plan", approvals.Approved
	after.Name, after.Trigger = "announce-88zk2mzq71ab", "announce"
	d.Chain = &Chain{Before: []approvals.Approval{before}, After: []approvals.Approval{after}}
}

// alone has a chain without neighbours.
func alone(d *Data) { d.Chain = &Chain{} }

func loggedIn(d *Data) {
	d.Session, d.Link, d.ByLink = true, "", false
	d.Action = "/approvals/" + d.Approval.Namespace + "/" + d.Approval.Name + "?uid=" + d.Approval.UID
}

// task waits in the middle of a run.
func task(d *Data) {
	a := &d.Approval
	a.Trigger, a.Name, d.Shown = "", "deploy-7-approval-88zk2mzq71ab", nil
	a.Source = approvals.Source{
		Task:   &approvals.Task{Name: "deploy-7-approval", UID: "c-1", Task: "approval", Mapping: "automatiko", Run: approvals.Run{Name: "deploy-7", UID: "r-7", Pipeline: "deploy"}},
		Params: []approvals.Param{{Name: "description", Value: "Deploy 1.2 to production"}, {Name: "approvers", Value: `["alice@example.com"]`}},
	}
	a.Resolved.Params, a.Resolved.TemplateDigest, a.Resolved.Summaries = a.Source.Params[:1], "", nil
}

// answered has told its task.
func answered(d *Data) { d.Approval.AnsweredAt = d.Approval.DecidedAt }
