# shellcheck shell=bash disable=SC2153 # ROOT is of lib.sh
# The image of examples/private-repo on the test cluster: git with Debian's ssh and sshd, for both ends of a clone. Source lib.sh first.

# gitssh: the image is made, and loaded into the cluster.
gitssh() {
  local tar=$CACHE/images/git-ssh.tar
  if [ ! -e "$tar" ] || [ "$ROOT/test/gitssh.sh" -nt "$tar" ]; then
    timed "(the image with sshd)" gitssh_image "$tar" || return
  fi
  "$ROOT/cluster/load.sh" "$tar"
}

# Unpacked, not installed: an installed openssh-server is a server of this machine. Of the libraries that it needs, libwrap0
# comes with the cluster's socat; others may be missing on a smaller Debian.
gitssh_image() { # TAR
  local work root layer libs
  work=$(mktemp -d) && root=$work/root && mkdir -p "$root" "$CACHE/images" || return
  (
    set -e
    cd "$work"
    chmod 755 "$work" # apt drops its rights
    apt-get download -q openssh-server openssh-client >/dev/null 2>&1 ||
      { apt-get update -q >/dev/null && apt-get download -q openssh-server openssh-client >/dev/null; }
    mkdir ssh image
    for deb in ./*.deb; do dpkg-deb -x "$deb" ssh; done
    # On the image with git: its one layer.
    tar -xf "$CACHE/cluster/images/git.tar" -C image
    layer=$(sed 's/.*"Layers":\["\([^"]*\)".*/\1/' image/manifest.json)
    tar -xf "image/$layer" -C "$root"
    install -D -t "$root/usr/sbin" ssh/usr/sbin/sshd
    install -D -t "$root/usr/bin" ssh/usr/bin/ssh ssh/usr/bin/ssh-keygen
    for helper in ssh/usr/lib/openssh/sshd-*; do [ ! -e "$helper" ] || install -D -t "$root/usr/lib/openssh" "$helper"; done
    if ldd ssh/usr/sbin/sshd ssh/usr/bin/ssh | grep -q 'not found'; then
      apt-get install -qy --no-install-recommends --no-remove libwrap0 libgssapi-krb5-2 libaudit1 libpam0g libselinux1 libssl3 >/dev/null 2>&1
    fi
    mapfile -t libs < <(ldd ssh/usr/sbin/sshd ssh/usr/bin/ssh | grep -o '/[^ ]*\.so[^ ]*' | sort -u)
    tar -C / -chf - "${libs[@]#/}" | tar -C "$root" -xf -
    ln -sf git "$root/usr/bin/git-upload-pack"
    printf 'sshd:*:100:65534::/run/sshd:/bin/false\ngit:*:1000:1000::/home/git:/bin/sh\n' >>"$root/etc/passwd"
    sed -i 's#^root:.*#root:*:0:0:root:/root:/bin/sh#' "$root/etc/passwd"
    printf 'git:x:1000:\nnogroup:x:65534:\n' >>"$root/etc/group"
    mkdir -p "$root/run/sshd" "$root/root"
    missing=$(ldd "$root/usr/sbin/sshd" | grep 'not found' || true)
    [ -z "$missing" ] || { echo "$missing" && false; }
  ) && "$ROOT/cluster/mkimage.sh" cluster.local/git-ssh:1 "$root" "$1.part" && mv "$1.part" "$1"
  layer=$?
  rm -rf "$work"
  return $layer
}
