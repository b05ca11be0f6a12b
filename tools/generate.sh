#!/usr/bin/env bash
# generate.sh: writes what is generated: deepcopy, CRDs, RBAC and golden files.
# generate.sh verify: does so in a copy and fails when the copy differs from this tree. The tree is not touched, so it
# may be run while somebody works in it, and needs no git.
set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../test/lib.sh"

generate() {
  local packages
  "$(tool controller-gen)" object crd rbac:roleName=countersign paths=./api/v1alpha1 paths=./internal/kube \
    output:crd:dir=deploy/crd output:rbac:dir=deploy/rbac
  "$(tool controller-gen)" object crd rbac:roleName=countersign-manual-approval-gate paths=./api/openshift/... paths=./internal/kube/openshift \
    output:crd:dir=deploy/components/manual-approval-gate/crd output:rbac:dir=deploy/components/manual-approval-gate/rbac
  # Pages of the reference: the kinds, the commands and the API.
  go run ./internal/docgen
  # Packages with golden files, or with tables on a page of the reference, have a flag -update. The sentences of testdata/sentences are made by "make sentences".
  mapfile -t packages < <(grep -rlE 'flag\.Bool\("update"|golden\.(File|JSON|Update)\(' --include='*_test.go' . |
    xargs -r grep -L '^//go:build' | xargs -r -n1 dirname | sort -u)
  [ ${#packages[@]} = 0 ] || go test -count=1 "${packages[@]}" -update
}

verify() {
  local work
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # now, not then
  trap "rm -rf '$work'" EXIT
  mkdir "$work/before" "$work/after"
  tar -C "$ROOT" --exclude=./.git --exclude=./bin --exclude=./dist -cf - . | tar -C "$work/before" -xf -
  cp -R "$work/before/." "$work/after"
  cd "$work/after"
  # What nothing generates any more is a difference too.
  find deploy/crd deploy/rbac deploy/components/*/{crd,rbac} -name '*.yaml' -not -name kustomization.yaml -delete
  find api -name 'zz_generated.*' -delete
  find . -path '*/testdata/golden/*' -type f -delete
  generate
  cd "$work"
  diff -ru before after || die "make generate gives something else than what is here: look at the difference, run it, commit it"
  cd after
  go mod tidy -diff || die "go mod tidy gives something else"
}

cd "$ROOT"
case ${1:-} in
  "") generate ;;
  verify) verify ;;
  *) die "usage: generate.sh [verify]" ;;
esac
