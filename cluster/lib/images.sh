# shellcheck shell=bash
# The images, each of one layer, from the programs of lib/build.sh and Debian's busybox, bash and git.
# Source lib/common.sh, progress.sh, packages.sh and build.sh first.
#
# A tag that is not `latest` makes IfNotPresent the default pull policy: nothing is ever pulled.

# What every image has: users, a place for temporary files.
rootfs_base() { # ROOT
  mkdir -p "$1"/{etc/ssl/certs,tmp,home/nonroot}
  chmod 1777 "$1/tmp"
  printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >"$1/etc/passwd"
  printf 'root:x:0:\nnonroot:x:65532:\n' >"$1/etc/group"
  printf 'hosts: files dns\n' >"$1/etc/nsswitch.conf"
}

rootfs_busybox() { # ROOT
  local applet
  rootfs_base "$1"
  mkdir -p "$1/bin" "$1/usr/bin"
  cp "$(busybox)" "$1/bin/busybox"
  for applet in $("$1/bin/busybox" --list); do
    [ "$applet" = busybox ] || ln -sf busybox "$1/bin/$applet"
  done
  ln -sf ../../bin/env "$1/usr/bin/env"
}

# This machine's bash and git, with the libraries they load, on busybox.
rootfs_git() { # ROOT
  local libs
  rootfs_busybox "$1"
  tar -C / -cf - usr/bin/git usr/bin/bash usr/lib/git-core usr/share/git-core etc/ssl/certs/ca-certificates.crt | tar -C "$1" -xf -
  mapfile -t libs < <(ldd /usr/bin/git /usr/bin/bash /usr/lib/git-core/git-{remote-https,daemon} | grep -o '/[^ ]*\.so[^ ]*' | sort -u)
  tar -C / -chf - "${libs[@]#/}" | tar -C "$1" -xf -
  ln -sf ../usr/bin/bash "$1/bin/bash"
}

# `terraform` is OpenTofu: it is free software, it builds from its module, and it does what the examples ask of either.
rootfs_terraform() { # ROOT
  rootfs_busybox "$1"
  cp "$(program_dir tofu)/tofu" "$1/bin/tofu"
  ln -s tofu "$1/bin/terraform"
}

rootfs_pause() { # ROOT
  rootfs_base "$1"
  cp "$(program_dir pause)/pause" "$1/pause"
}

rootfs_program() { # ROOT FILE
  rootfs_base "$1"
  mkdir -p "$1/ko-app"
  cp "$2" "$1/ko-app/"
}

# The resolvers run git.
rootfs_resolvers() { # ROOT FILE
  rootfs_git "$1"
  rootfs_program "$1" "$2"
}

# A digest of what the image NAME is made of.
image_key() { # NAME INPUT...
  local input
  {
    echo "${@//"$CACHE"/}" # a copy of the cache elsewhere is as good
    cat "$CLUSTER_DIR/mkimage.sh" "$CLUSTER_DIR/lib/images.sh"
    for input in "$(busybox)" /usr/bin/git /usr/bin/bash; do stat -Lc '%s %Y' "$input"; done
  } | sha256sum
}

# image NAME INPUT ROOTFS_FUNCTION [ARG...] -- [ENTRYPOINT [USER]]: makes NAME.tar unless it is made of the same already.
image() {
  local name=$1 key args=() root
  key=$(image_key "$@")
  IMAGE_TARS+=("$IMAGES/$name.tar")
  if [ -e "$IMAGES/$name.tar" ] && [ "$(cat "$IMAGES/$name.key" 2>/dev/null)" = "$key" ]; then return; fi
  shift 2
  while [ "$1" != -- ]; do args+=("$1") && shift; done
  shift
  root=$(mktemp -d "$IMAGES/.$name.XXXXXX")
  chmod 755 "$root"
  "${args[0]}" "$root" "${args[@]:1}"
  "$CLUSTER_DIR/mkimage.sh" "cluster.local/$(tagged "$name")" "$root" "$IMAGES/$name.tar" "$@"
  rm -rf "$root"
  echo "$key" >"$IMAGES/$name.key"
  echo "$name"
}
tagged() { # NAME -> NAME:TAG
  case $1 in tekton-*) echo "$1:v1" ;; *) echo "$1:1" ;; esac
}

make_images() {
  local module file name
  image pause "$(program_dir pause)" rootfs_pause -- /pause 65535
  image busybox - rootfs_busybox --
  image git - rootfs_git --
  image terraform "$(program_dir tofu)" rootfs_terraform --
  for module in pipeline triggers; do
    for file in "$(program_dir tekton)/$module"/*; do
      name=${file##*/}
      image "tekton-$module-$name" "$file" rootfs_program "$file" -- "/ko-app/$name" 65532
    done
  done
  if [ -n "${COUNTERSIGN_RESOLVERS:-}" ]; then
    file=$(program_dir resolvers)/pipeline/resolvers
    image tekton-pipeline-resolvers "$file" rootfs_resolvers "$file" -- /ko-app/resolvers 65532
  fi
}

# Fills IMAGE_TARS with the files that the cluster needs.
build_images() {
  mkdir -p "$IMAGES"
  rm -rf "$IMAGES"/.[a-z]* # roots left by a build broken off
  progress images "making images" make_images
  IMAGE_TARS=()
  make_images >/dev/null # again in this shell, now only to fill IMAGE_TARS
}
