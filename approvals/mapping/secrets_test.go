package mapping

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestComparisons(t *testing.T) {
	t.Parallel()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for expr, want := range map[string][]Comparison{
		`body.ref == 'main'`: nil,
		`header.canonical('X-Gitlab-Token').compareSecret('token', 'hub')`:                                            {{Header: "X-Gitlab-Token", Key: "token", Secret: "hub"}},
		`header['X-Gitlab-Token'][0].compareSecret('token', 'hub', 'prod') && true`:                                   {{"X-Gitlab-Token", "token", "hub", "prod"}},
		`header.canonical('Authorization').substring(7).compareSecret("token", "hub")`:                                {{Header: "Authorization", Key: "token", Secret: "hub"}},
		`header.canonical('Authorization').replace('Bearer ', '').compareSecret("token", "hub")`:                      {{Header: "Authorization", Key: "token", Secret: "hub"}},
		`body.token.compareSecret('token', 'hub')`:                                                                    {{Key: "token", Secret: "hub"}},
		`(header.canonical('A') + header.canonical('B')).compareSecret('token', 'hub')`:                               {{Key: "token", Secret: "hub"}},
		`(header.canonical('A') + body.x).compareSecret('token', 'hub')`:                                              {{Key: "token", Secret: "hub"}},
		`header.canonical(body.name).compareSecret('token', 'hub')`:                                                   {{Key: "token", Secret: "hub"}},
		`header.canonical('A').compareSecret(body.key, 'hub')`:                                                        {{Header: "A", Secret: "hub"}},
		`header.canonical('A').compareSecret('token', body.secret)`:                                                   {{Header: "A", Key: "token"}},
		`header.canonical('A').compareSecret('token', 'hub', body.ns)`:                                                {{Header: "A", Key: "token"}},
		`body.x ? header.canonical('A').compareSecret('k', 's') : ['x'].exists(v, v.compareSecret('token', 'other'))`: {{Header: "A", Key: "k", Secret: "s"}, {Key: "token", Secret: "other"}},

		`'compareSecret' == body.x`: nil,
	} {
		got, err := c.Comparisons(expr)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s: %v\n%s", expr, err, d)
		}
	}
	for _, expr := range []string{"body.", "(", strings.Repeat(" ", maxForeign) + "true"} {
		if _, err := c.Comparisons(expr); err == nil {
			t.Errorf("%.20q is read", expr)
		}
	}
}
