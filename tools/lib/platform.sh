# Provides the platform of README's "Platform": Debian 13 with the packages of tools/packages.
# Source it; it defines platform_ensure and platform_enter. On Debian 13 both work in place; elsewhere they make and
# enter one Debian 13 root under CULVERT_CACHE (default /var/cache/culvert), shared by every clone and keyed by the list.

CULVERT_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
CULVERT_CACHE=${CULVERT_CACHE:-/var/cache/culvert}

platform_packages() { sed 's/#.*//' "$CULVERT_SRC/tools/packages" | tr -s ' \n' '\n' | sed '/^$/d'; }

platform_is_native() { (. /etc/os-release 2>/dev/null && [ "$ID" = debian ] && [ "$VERSION_ID" = 13 ]); }

platform_root() {
  local key
  key=$( { echo "recipe 1"; platform_packages | sort; } | sha256sum | cut -c1-12)   # raise the recipe when the mmdebstrap call changes
  printf '%s/debian13-%s\n' "$CULVERT_CACHE" "$key"
}

platform_say() { printf '\033[2m[platform]\033[0m %s\n' "$*" >&2; }

# Installs what is missing, natively or into the root. Safe to call from two clones at once.
platform_ensure() {
  [ "$(id -u)" = 0 ] || { echo "$0: needs root (namespaces, packages, hugepages)" >&2; exit 77; }
  mkdir -p "$CULVERT_CACHE/ccache"
  if platform_is_native; then
    local missing
    missing=$(platform_packages | while read -r p; do
      dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q '^install ok installed' || echo "$p"; done)
    [ -z "$missing" ] && return 0
    platform_say "installing: $(echo $missing)"
    # Peers such as charon must not be started as host services by their packages.
    local policy=/usr/sbin/policy-rc.d made=
    [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' > $policy; chmod +x $policy; made=1; }
    DEBIAN_FRONTEND=noninteractive apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >&2
    local rc=$?
    [ -n "$made" ] && rm -f $policy
    return $rc
  fi
  local root; root=$(platform_root)
  exec 9>"$CULVERT_CACHE/.lock"; flock 9
  if [ ! -e "$root/.complete" ]; then
    command -v mmdebstrap >/dev/null || { platform_say "installing mmdebstrap"
      DEBIAN_FRONTEND=noninteractive apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq mmdebstrap >&2 || return 1; }
    platform_say "making a Debian 13 root in $root (about two minutes, once)"
    rm -rf --one-file-system "$root.new"
    mmdebstrap --variant=apt --include="$(platform_packages | paste -sd,)" \
      --essential-hook='mkdir -p "$1/lib/modules"; printf "#!/bin/sh\nexit 101\n" > "$1/usr/sbin/policy-rc.d"; chmod +x "$1/usr/sbin/policy-rc.d"' \
      trixie "$root.new" 2>&1 | sed 's/^/[platform] /' >&2
    [ "${PIPESTATUS[0]}" = 0 ] || { rm -rf --one-file-system "$root.new"; return 1; }
    touch "$root.new/.complete"; mv "$root.new" "$root"
  fi
  flock -u 9; exec 9>&-
}

# platform_enter CMD...  replaces this shell. The root is entered in a mount namespace of its own and bind-mounted on
# itself, because `ip netns exec` needs "/" to be a mount point; nothing of it is left when the command ends.
platform_enter() {
  export CCACHE_DIR="$CULVERT_CACHE/ccache" CULVERT_SRC
  export PATH="$CULVERT_SRC/build/release/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  export LC_ALL=C.UTF-8
  if platform_is_native; then exec "$@"; fi
  export CULVERT_ROOT_DIR; CULVERT_ROOT_DIR=$(platform_root)
  exec unshare -m --propagation private bash -c '
    set -e; R=$CULVERT_ROOT_DIR
    mount --bind "$R" "$R"
    mount --rbind /dev "$R/dev"; mount --rbind /sys "$R/sys"; mount -t proc proc "$R/proc"
    mount -t tmpfs -o mode=755 run "$R/run"; mkdir -p "$R/run/netns" "$R/run/lock"
    mount --bind /tmp "$R/tmp"
    mkdir -p "$R$CULVERT_SRC"; mount --bind "$CULVERT_SRC" "$R$CULVERT_SRC"
    mkdir -p "$R$CCACHE_DIR"; mount --bind "$CCACHE_DIR" "$R$CCACHE_DIR"
    [ -n "$CULVERT_EXTRA_BIND" ] && { mkdir -p "$R$CULVERT_EXTRA_BIND"; mount --rbind "$CULVERT_EXTRA_BIND" "$R$CULVERT_EXTRA_BIND"; }
    cp /etc/resolv.conf "$R/etc/resolv.conf" 2>/dev/null || true
    D=$PWD; [ -d "$R$D" ] || D=/
    exec chroot "$R" /bin/bash -c "cd \"\$0\" && exec \"\$@\"" "$D" "$@"' bash "$@"
}
