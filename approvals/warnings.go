package approvals

import "strings"

// Warnings returns what is valid in a Gate of a namespace but probably not meant.
func (p Policy) Warnings(namespace string, d *Directory) []Problem {
	var out []Problem
	accounts, all := "system:serviceaccount:"+namespace+":", "system:serviceaccounts:"+namespace
	for _, a := range p.People() {
		if strings.HasPrefix(a.Name, accounts) {
			out = append(out, Problem{"ServiceAccountListed", a.Name + " may decide, and anyone who can create pods or ServiceAccount tokens in namespace " + namespace + " can act as it: list people, or an account of a namespace where pipeline authors have no permissions"})
		}
	}
	for _, g := range p.AllGroups() {
		if g == all {
			out = append(out, Problem{"ServiceAccountListed", "group " + g + " may decide, which contains every ServiceAccount of this namespace, and so anyone who can create pods in it: list people"})
		}
	}
	for _, n := range p.LinkNotices(d) {
		out = append(out, Problem{"AddressNotProved", n})
	}
	return out
}
