#!/bin/bash
# First process of a user-mode-linux guest. Its root is the platform's own, read-only, through hostfs; FOLDER (a kernel
# argument, so it reaches us in the environment) is shared with the lab, writable, under the same path on both sides.
# Then it runs FOLDER/1.sh, 2.sh, ... as they appear (output to N.out, status to N.rc) until FOLDER/off does. It asks the
# folder rather than a console: an interrupt of the guest's console may be lost under load.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR=/run LC_ALL=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t tmpfs tmp /run
mount -t tmpfs tmp /var/tmp
mount -t hostfs -o hostfs=/usr/lib/uml/modules none /lib/modules
mkdir -p "$FOLDER"
mount -t hostfs -o "rw,hostfs=$FOLDER" none "$FOLDER"
for module in ipv6 xfrm_user esp4 esp6 ah4 ah6 authenc echainiv seqiv gcm ctr cbc hmac sha1_generic sha256_generic sha512_generic \
    ccm cmac xcbc crypto_null chacha20poly1305 xfrm4_tunnel xfrm6_tunnel; do
  modprobe -q "$module"
done
ip link set lo up
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
mkfifo /run/never && exec 9<>/run/never    # never readable: a wait that forks nothing
echo ready > "$FOLDER/ready"
n=1
while [ ! -e "$FOLDER/off" ]; do
  if [ -e "$FOLDER/$n.sh" ]; then
    bash "$FOLDER/$n.sh" > "$FOLDER/$n.out" 2>&1 </dev/null 9<&-
    echo $? > "$FOLDER/$n.status"; mv "$FOLDER/$n.status" "$FOLDER/$n.rc"
    n=$((n + 1))
  else
    read -r -t 0.03 -u 9
  fi
done
sync
echo o > /proc/sysrq-trigger
sleep 5
