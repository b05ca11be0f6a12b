// Package upgrade installs Countersign on a real cluster, upgrades it from an earlier version, goes back and removes it, by
// the commands of the documentation, with Approvals pending all the time. What happens under load, while two versions run,
// is in package chaos, which judges it.
//
// Its tests take one installation after the other: make test-upgrade.
package upgrade
