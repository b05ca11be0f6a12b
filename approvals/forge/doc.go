// Package forge reads what the webhooks of GitHub, GitLab, Gitea and Bitbucket say of a push
// or a pull request: a pure function of the body, with bounds, that never fails. What it
// gives is text as the sender wrote it: anyone who shows it makes it harmless for its own format.
package forge
