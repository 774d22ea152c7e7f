# A second root with a newer strongSwan than Debian 13's: the peer for ML-KEM (RFC 9370). Source it after platform.sh; it defines
# newer_root_ensure, which makes the root once where mmdebstrap and the mirror are to be had, and exports CULVERT_NEWER_ROOT where
# it is there. Without it the tests that need it are skipped, and say why by CULVERT_NEWER_ROOT_MISSING.

newer_root_packages=charon-systemd,strongswan-swanctl,libcharon-extra-plugins,libstrongswan-extra-plugins,libstrongswan-standard-plugins

newer_root_ensure() {
  local root=$CULVERT_CACHE/debian-forky
  [ -z "${CULVERT_INSIDE:-}" ] || return 0
  if [ ! -e "$root/.complete" ]; then
    command -v mmdebstrap >/dev/null || {
      export CULVERT_NEWER_ROOT_MISSING="no mmdebstrap on this machine to make a root with strongSwan 6.1"; return 0; }
    platform_say "making a root with strongSwan 6.1 in $root (once)"
    rm -rf --one-file-system "$root.new"
    # The suite is still in the making: its Release file may have expired by the time this runs.
    setpriv --pdeathsig KILL unshare -m -p -f --kill-child=KILL --mount-proc --propagation private \
      timeout 300 mmdebstrap --variant=apt --aptopt='Acquire::Check-Valid-Until "false"' --dpkgopt=force-unsafe-io \
      --include="$newer_root_packages" \
      --essential-hook='printf "#!/bin/sh\nexit 101\n" > "$1/usr/sbin/policy-rc.d"; chmod +x "$1/usr/sbin/policy-rc.d"' \
      forky "$root.new" > "$CULVERT_CACHE/debian-forky.log" 2>&1 || {
      rm -rf --one-file-system "$root.new"
      export CULVERT_NEWER_ROOT_MISSING="the root with strongSwan 6.1 could not be made: $(tail -1 "$CULVERT_CACHE/debian-forky.log")"
      return 0; }
    touch "$root.new/.complete"; mv "$root.new" "$root"
  fi
  export CULVERT_NEWER_ROOT=$root CULVERT_EXTRA_BIND=$root
}
