# libreswan, a second peer for IKEv1. Its package conflicts with strongSwan's, so it is unpacked in a folder of its own, below the
# cache; what it is linked with is in tools/packages. Source it after platform.sh; it defines libreswan_ensure, which fetches it
# once where the mirror is to be had, and exports CULVERT_LIBRESWAN_MISSING, the reason, where it is not.

LIBRESWAN_FETCH='
  set -e
  cd "$1"
  mkdir -p lists/partial archives/partial
  state=(-o Dir::State::lists="$1/lists" -o Dir::Cache="$1" -o Acquire::Retries=3 -o APT::Sandbox::User=root)
  timeout 120 apt-get "${state[@]}" update -qq
  timeout 120 apt-get "${state[@]}" download -qq libreswan
  dpkg -x libreswan_*.deb root'

libreswan_ensure() {
  local folder=$CULVERT_CACHE/peers/libreswan log=$CULVERT_CACHE/libreswan.log
  [ -z "${CULVERT_INSIDE:-}" ] || return 0
  [ ! -e "$folder/.complete" ] || return 0
  platform_say "fetching libreswan (once)"
  rm -rf "$folder.new"; mkdir -p "$folder.new"
  if (platform_enter bash -c "$LIBRESWAN_FETCH" bash "$folder.new") > "$log" 2>&1; then
    touch "$folder.new/root/.complete"; rm -rf "$folder"
    mv "$folder.new/root" "$folder"
  else
    CULVERT_LIBRESWAN_MISSING="it could not be fetched: $(tail -1 "$log")"
    export CULVERT_LIBRESWAN_MISSING
  fi
  rm -rf "$folder.new"
}
