# Provides the platform: Debian 13 with the packages of tools/packages. Source it; it defines platform_ensure,
# platform_enter and platform_contain. On Debian 13 they work in place; elsewhere they make, once, and enter a Debian 13
# root under CULVERT_CACHE (default /var/cache/culvert), shared by every clone and keyed by the package list.

export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"   # a user's shell may lack the sbin folders
CULVERT_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
CULVERT_CACHE=${CULVERT_CACHE:-/var/cache/culvert}

platform_packages() { sed 's/#.*//' "$CULVERT_SRC/tools/packages" | tr -s ' \t\n' '\n' | sed '/^$/d' | sort -u; }

platform_is_native() { (. /etc/os-release 2>/dev/null && [ "${ID:-}" = debian ] && [ "${VERSION_ID:-}" = 13 ]); }

platform_root() {
  local key
  key=$( { echo "recipe 1"; platform_packages; } | sha256sum | cut -c1-12)   # raise the recipe when the mmdebstrap call changes
  printf '%s/debian13-%s\n' "$CULVERT_CACHE" "$key"
}

platform_say() { printf '[platform] %s\n' "$*" >&2; }

platform_apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 update -qq >&2 &&
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 install -y --no-install-recommends "$@" >&2
}

platform_missing() {
  platform_packages | while read -r p; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q '^install ok installed' || echo "$p"
  done
}

platform_ensure_native() {
  local missing policy=/usr/sbin/policy-rc.d made='' rc
  mapfile -t missing < <(platform_missing)
  [ ${#missing[@]} = 0 ] && return 0
  platform_say "installing: ${missing[*]}"
  # Peers such as charon must not be started as services of the host by their packages.
  [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' > $policy; chmod +x $policy; made=1; }
  platform_apt_install "${missing[@]}"; rc=$?
  [ -z "$made" ] || rm -f $policy
  return $rc
}

# A root appears under its name only when it is whole: an interrupted one stays a .new, which the next run removes.
platform_ensure_root() {
  local root; root=$(platform_root)
  if [ ! -e "$root/.complete" ]; then
    command -v mmdebstrap >/dev/null || {
      command -v apt-get >/dev/null || { platform_say "needs Debian 13, or a machine with mmdebstrap"; return 1; }
      platform_say "installing mmdebstrap"; platform_apt_install mmdebstrap debian-archive-keyring || return 1; }
    platform_say "making a Debian 13 root in $root (about two minutes, once)"
    rm -rf --one-file-system "$root.new"
    local start=$SECONDS ticker rc
    (while sleep 20; do platform_say "... $((SECONDS - start)) s"; done) & ticker=$!
    # In namespaces of its own, killed with this shell: an interrupted mmdebstrap leaves neither processes nor mounts.
    setpriv --pdeathsig KILL unshare -m -p -f --kill-child=KILL --mount-proc --propagation private \
      mmdebstrap --variant=apt --aptopt='Acquire::Retries "3"' --dpkgopt=force-unsafe-io --include="$(platform_packages | paste -sd,)" \
      --essential-hook='mkdir -p "$1/lib/modules"; printf "#!/bin/sh\nexit 101\n" > "$1/usr/sbin/policy-rc.d"; chmod +x "$1/usr/sbin/policy-rc.d"' \
      trixie "$root.new" 2>&1 | sed -u 's/^/[platform] /' >&2
    rc=${PIPESTATUS[0]}
    kill $ticker 2>/dev/null
    [ "$rc" = 0 ] || { rm -rf --one-file-system "$root.new"; platform_say "the root could not be made"; return 1; }
    touch "$root.new/.complete"; mv "$root.new" "$root"
  fi
  touch "$root/.complete"
  # Roots of older package lists go once no clone has used them for a month.
  local old
  find "$CULVERT_CACHE" -maxdepth 2 -path '*/debian13-*/.complete' -mtime +30 2>/dev/null | while read -r old; do
    rm -rf --one-file-system "${old%/.complete}"; done
}

# Installs what is missing, in place or in the root. Two clones may call it at once: the second waits for the first.
platform_ensure() {
  [ -z "${CULVERT_INSIDE:-}" ] || return 0
  [ "$(id -u)" = 0 ] || { echo "$0: needs root (packages, network namespaces, hugepages)" >&2; return 77; }
  mkdir -p "$CULVERT_CACHE/ccache" "$CULVERT_CACHE/peers" || return 1
  exec 9>"$CULVERT_CACHE/.lock"
  flock -n 9 || { platform_say "waiting for another clone's platform step"; flock 9; }
  local rc
  if platform_is_native; then platform_ensure_native; else platform_ensure_root; fi; rc=$?
  exec 9>&-
  return $rc
}

platform_environment() {
  export CULVERT_SRC CULVERT_CACHE CULVERT_INSIDE=1 LC_ALL=C.UTF-8 HOME=/root
  # Clones share compiled objects: paths below the checkout are hashed as relative ones.
  export CCACHE_DIR="$CULVERT_CACHE/ccache" CCACHE_BASEDIR="$CULVERT_SRC" CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=5G
  export PATH="$CULVERT_SRC/build/release/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  CULVERT_ROOT_DIR=; platform_is_native || CULVERT_ROOT_DIR=$(platform_root)
  export CULVERT_ROOT_DIR
}

# Runs in the new mount namespace. The root is bind-mounted on itself, because `ip netns exec` needs "/" to be a mount
# point. /run/netns is a private tmpfs either way: namespaces named here end with the processes that live in them.
PLATFORM_INIT='
  set -e
  # A mount namespace of its own still shares what it inherits: nothing mounted here may reach the machine.
  R=$CULVERT_ROOT_DIR
  if [ -n "$R" ]; then
    mount --bind "$R" "$R"
    mount --rbind /dev "$R/dev"; mount --rbind /sys "$R/sys"; mount -t proc proc "$R/proc"
    mount -t tmpfs -o mode=755 run "$R/run"; mkdir -p "$R/run/lock"
    mount --bind /tmp "$R/tmp"
    for d in "$CULVERT_SRC" "$CULVERT_CACHE/ccache" "$CULVERT_CACHE/peers" ${CULVERT_EXTRA_BIND:+"$CULVERT_EXTRA_BIND"}; do
      mkdir -p "$R$d"; mount --rbind "$d" "$R$d"; done
    cp /etc/resolv.conf "$R/etc/resolv.conf" 2>/dev/null || true
  elif [ -n "$PLATFORM_NEW_PIDS" ]; then
    mount -t proc proc /proc
  fi
  mkdir -p "$R/mnt/huge"
  for d in netns culvert-lab; do mkdir -p "$R/run/$d"; mount -t tmpfs -o mode=755 "$d" "$R/run/$d"; done
  grep -qs "^hugetlbfs\|^nodev.* hugetlbfs " /proc/mounts || mount -t hugetlbfs nodev "$R/mnt/huge" 2>/dev/null || true
  [ -n "$R" ] || exec "$@"
  D=$PWD; [ -d "$R$D" ] || D=/
  exec chroot "$R" /bin/bash -c "cd \"\$0\" && exec \"\$@\"" "$D" "$@"'

# platform_enter CMD...  replaces this shell by CMD on the platform.
platform_enter() {
  [ -z "${CULVERT_INSIDE:-}" ] || exec "$@"
  platform_environment
  exec unshare -m --propagation private bash -c "$PLATFORM_INIT" bash "$@"
}

# platform_contain CMD...  runs CMD on the platform as the first process of a PID namespace: whatever it started, and with
# it every network namespace and mount, is gone when it ends, also when this shell is killed. INT and TERM are passed on.
platform_contain() {
  [ -z "${CULVERT_INSIDE:-}" ] || { "$@"; return; }
  platform_environment
  export PLATFORM_NEW_PIDS=1
  local pid rc
  setpriv --pdeathsig KILL unshare -m -p -f --kill-child=KILL --propagation private bash -c "$PLATFORM_INIT" bash "$@" &
  pid=$!
  # unshare(1) holds signals back, so its child is told directly.
  trap 'kill -TERM $(cat /proc/'$pid'/task/'$pid'/children) 2>/dev/null' INT TERM HUP
  while :; do
    wait $pid; rc=$?
    kill -0 $pid 2>/dev/null || break
  done
  trap - INT TERM HUP
  return $rc
}
