package approvals

import "strings"

// Warnings are what a Gate of a namespace may say and likely does not mean.
func (p Policy) Warnings(namespace string, d *Directory) []Problem {
	var out []Problem
	accounts, all := "system:serviceaccount:"+namespace+":", "system:serviceaccounts:"+namespace
	for _, a := range p.People() {
		if strings.HasPrefix(a.Name, accounts) {
			out = append(out, Problem{"ServiceAccountListed", a.Name + " may decide, and whoever may create pods, or tokens of accounts, in namespace " + namespace + " can be that: list people, or an account of a namespace that pipelines' authors have no rights in"})
		}
	}
	for _, g := range p.AllGroups() {
		if g == all {
			out = append(out, Problem{"ServiceAccountListed", "group " + g + " may decide, which is every ServiceAccount of this namespace, and so whoever may create pods in it: list people"})
		}
	}
	for _, n := range p.LinkNotices(d) {
		out = append(out, Problem{"AddressNotProved", n})
	}
	return out
}
