#!/usr/bin/env bash
# test.sh FIRST.deb LATER.deb LOAD ROOT.tar: installs the package in a bare Debian that boots systemd, walks the main
# job on it, upgrades, rolls back program and data, and removes it. ROOT.tar is kept between runs.
set -euo pipefail

first=$1 later=$2 load=$3 tar=$4
port=17420
work=$(mktemp -d)
root=$work/root
leader=

say() { printf '\n· %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; inside journalctl -u dreamseed-hub --no-pager -n 30 >&2 || true; exit 1; }

stop_container() {
  [ -z "$leader" ] || { kill -TERM "$leader" 2>/dev/null || true; wait "$leader" 2>/dev/null || true; }
  leader=
}
clean_up() {
  stop_container
  umount -R "$work"/* 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

make_root() {
  if [ ! -s "$tar" ]; then
    mmdebstrap --quiet --variant=minbase --include=systemd,systemd-sysv,dbus "$(. /etc/os-release && echo "$VERSION_CODENAME")" "${tar%.tar}.new.tar"
    mv "${tar%.tar}.new.tar" "$tar"
  fi
  mkdir -p "$root"
  tar -xf "$tar" -C "$root" --exclude='./dev/*'
  # The container shares this machine's network, so a hub of this machine may hold the usual port.
  mkdir -p "$root/etc/systemd/system/dreamseed-hub.service.d"
  printf '[Service]\nEnvironment=DREAMSEED_HUB_HTTP__PORT=%s DREAMSEED_HUB_HTTP__LAN=false\n' "$port" \
    > "$root/etc/systemd/system/dreamseed-hub.service.d/test.conf"
}

# A mount namespace of its own: nspawn wants /run for itself and a cgroup tree of version 2.
boot() {
  unshare --mount --propagation private bash -c '
    mount -t tmpfs tmpfs /run && mkdir -p /run/systemd
    if ! [ -e /sys/fs/cgroup/cgroup.controllers ]; then
      umount -R /sys/fs/cgroup 2>/dev/null || true
      mount -t cgroup2 cgroup2 /sys/fs/cgroup
    fi
    mkdir -p /sys/fs/cgroup/dreamseed-test && echo $$ > /sys/fs/cgroup/dreamseed-test/cgroup.procs
    exec systemd-nspawn --quiet --register=no --keep-unit -D "$0" -b --console=pipe' "$root" </dev/null >"$work/boot.log" 2>&1 &
  leader=$!
  wait_for "systemd" inside_is_up
}
init_pid() {
  local spawn
  spawn=$(pgrep -f "systemd-nspawn .*$root" | head -n 1) && pgrep -P "$spawn" | head -n 1
}
inside() {
  local pid
  pid=$(init_pid)
  [ -n "$pid" ] && nsenter -t "$pid" -m -u -i -p -n -C -- /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}
inside_is_up() { [[ $(inside systemctl is-system-running 2>/dev/null) =~ running|degraded ]]; }
is_ready() { curl -fsS -o /dev/null "http://127.0.0.1:$port/readyz" 2>/dev/null; }
wait_for() { # what, command …
  local what=$1
  shift
  for _ in $(seq 1 240); do
    "$@" && return
    sleep 0.25
  done
  cat "$work/boot.log" >&2 || true
  fail "$what did not come up within a minute"
}
schema() { od -An -tu1 -j60 -N4 "$1" | awk '{print $4 + 256 * $3}'; }
count() { python3 - "$1" "$2" <<'PY'
import sqlite3, sys
print(sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute(f"SELECT count(*) FROM {sys.argv[2]}").fetchone()[0])
PY
}

here=$(dirname "$(readlink -f "$0")")
# The guides make new secrets, so the demo school's accounts are worth nothing after them.
keep_demo() {
  inside systemctl stop dreamseed-hub
  inside sh -c 'rm -rf /srv/demo && mkdir /srv/demo && cp -a /var/lib/dreamseed/hub.db /var/lib/dreamseed/keys /srv/demo/'
  inside systemctl start dreamseed-hub
  wait_for "the hub" is_ready
}
restore_demo() {
  inside systemctl stop dreamseed-hub
  inside sh -c 'rm -rf /var/lib/dreamseed/hub.db* /var/lib/dreamseed/keys && cp -a /srv/demo/hub.db /srv/demo/keys /var/lib/dreamseed/'
  inside systemctl start dreamseed-hub
  wait_for "the hub" is_ready
}

say "a bare Debian with systemd"
make_root
boot
cp "$first" "$root/srv/first.deb"
cp "$later" "$root/srv/later.deb"

say "install"
inside apt-get install -y -qq --no-install-recommends /srv/first.deb >"$work/install.log" 2>&1 || { cat "$work/install.log"; fail install; }
grep -F 127.0.0.1:7420 "$work/install.log"
wait_for "the installed hub" is_ready
inside systemctl show dreamseed-hub -p ActiveState -p User -p NRestarts
[ "$(inside systemctl show dreamseed-hub -p User --value)" = dreamseed ] || fail "the service does not run as its own user"
inside ls -ld /var/lib/dreamseed /var/lib/dreamseed/hub.db /var/lib/dreamseed/models
[ "$(inside stat -c '%U %a' /var/lib/dreamseed)" = "dreamseed 700" ] || fail "the data folder is not the hub's own"
inside dreamseed-hub --config /etc/dreamseed/hub.toml config check

say "the main job on the installed hub, with the model of the package"
inside systemctl stop dreamseed-hub
# All of it: a hub makes no demo school over what is left of another one.
inside find /var/lib/dreamseed -mindepth 1 -maxdepth 1 ! -name models -exec rm -rf {} +
inside setpriv --reuid=dreamseed --regid=dreamseed --init-groups -- dreamseed-hub --config /etc/dreamseed/hub.toml demo
inside systemctl start dreamseed-hub
wait_for "the demo school" is_ready
cp "$root/var/lib/dreamseed/demo-accounts.json" "$work/accounts.json"
"$load" walk --url "http://127.0.0.1:$port" --accounts "$work/accounts.json"

say "a kill: the service comes back by itself"
inside systemctl kill -s KILL dreamseed-hub
sleep 1
wait_for "the restarted hub" is_ready
[ "$(inside systemctl show dreamseed-hub -p NRestarts --value)" -ge 1 ] || fail "systemd did not restart the hub"

say "an upgrade that cannot keep a way back does not happen, and the hub goes on"
inside cp -a /usr/lib/dreamseed/keep-package /srv/keep-package
inside sh -c 'printf "#!/bin/sh\nexit 1\n" > /usr/lib/dreamseed/keep-package'
inside dpkg -i /srv/later.deb >"$work/refused.log" 2>&1 && fail "the upgrade should have been refused" || true
wait_for "the hub after the refused upgrade" is_ready
[ "$(inside dpkg-query -W -f '${Version}' dreamseed-hub)" = "$(dpkg-deb -f "$first" Version)" ] || fail "the refused upgrade changed the program"
ls -d "$root"/var/lib/dreamseed-rollback/[0-9]*_* 2>/dev/null && fail "half a copy is offered as the way back" || true
inside cp -a /srv/keep-package /usr/lib/dreamseed/keep-package

say "upgrade, with program and data copied first"
inside apt-get install -y -qq --no-install-recommends /srv/later.deb >"$work/upgrade.log" 2>&1 || { cat "$work/upgrade.log"; fail upgrade; }
wait_for "the upgraded hub" is_ready
kept=$(ls -d "$root"/var/lib/dreamseed-rollback/[0-9]*_*)
ls -l "$kept" "$kept/data"
[ -s "$kept/dreamseed-hub.deb" ] && [ -s "$kept/data/hub.db" ] || fail "the upgrade kept no way back"
"$load" walk --url "http://127.0.0.1:$port" --accounts "$work/accounts.json" >"$work/walk2.log" || { cat "$work/walk2.log"; fail "the walk after the upgrade"; }

say "rollback, same form of data: no answer is lost"
inside systemctl stop dreamseed-hub
before=$(count "$root/var/lib/dreamseed/hub.db" attempts)
inside systemctl start dreamseed-hub
wait_for "the hub before the rollback" is_ready
inside dreamseed-rollback --yes
wait_for "the hub after the rollback" is_ready
[ "$(inside dpkg-query -W -f '${Version}' dreamseed-hub)" = "$(dpkg-deb -f "$first" Version)" ] || fail "the program is not the earlier one"
inside systemctl stop dreamseed-hub
[ "$(count "$root/var/lib/dreamseed/hub.db" attempts)" = "$before" ] || fail "answers were lost by the rollback"
inside systemctl start dreamseed-hub
wait_for "the hub" is_ready
inside dreamseed-rollback --yes && fail "a rollback with nothing kept should be refused" || true
is_ready || fail "a refused rollback stopped the hub"

say "rollback, the later version has changed the form of the data"
inside apt-get install -y -qq --no-install-recommends /srv/later.deb >"$work/upgrade.log" 2>&1 || { cat "$work/upgrade.log"; fail "second upgrade"; }
wait_for "the upgraded hub" is_ready
inside systemctl stop dreamseed-hub
known=$(schema "$root/var/lib/dreamseed/hub.db")
epochs=$(count "$root/var/lib/dreamseed/hub.db" epochs)
# What a later version does that is killed after its migration: the number stands in the log only. The earlier program
# refuses such data.
python3 - "$root/var/lib/dreamseed/hub.db" "$known" <<'PY'
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("PRAGMA wal_autocheckpoint = 0")
db.execute(f"PRAGMA user_version = {int(sys.argv[2]) + 1}")
db.execute("CREATE TABLE of_a_later_version (x)")
db.commit()
os._exit(0)
PY
chown --reference="$root/var/lib/dreamseed" "$root"/var/lib/dreamseed/hub.db*
[ "$(schema "$root/var/lib/dreamseed/hub.db")" = "$known" ] || fail "the test's migration was meant to stand in the log only"
inside dreamseed-rollback --yes
wait_for "the hub with its earlier data" is_ready
[ "$(schema "$root/var/lib/dreamseed/hub.db")" = "$known" ] || fail "the data is not the earlier one"
ls -d "$root"/var/lib/dreamseed-rollback/after_*
[ "$(schema "$(ls -d "$root"/var/lib/dreamseed-rollback/after_*)/hub.db")" = $((known + 1)) ] || fail "the later data was not put aside"
inside systemctl stop dreamseed-hub
[ "$(count "$root/var/lib/dreamseed/hub.db" epochs)" = $((epochs + 1)) ] || fail "data that was put back needs an epoch of its own"
inside systemctl start dreamseed-hub
wait_for "the hub" is_ready
"$load" walk --url "http://127.0.0.1:$port" --accounts "$work/accounts.json" >"$work/walk3.log" || { cat "$work/walk3.log"; fail "the walk after the rollback"; }

say "the commands of the guides, as they stand"
keep_demo
# Each block that is marked `run`, in the order of the page; both languages give the same commands.
for guide in it recovery secrets; do
  python3 "$here/guide-commands.py" "$here/../../docs/$guide" >"$work/$guide.sh"
done
mkdir -p "$root/srv/usb" "$root/media/usb"
cp "$later" "$root/srv/usb/"
{
  echo 'set -eux; cd /srv/usb; sudo() { [ "$1" = -u ] && { shift 2; setpriv --reuid=dreamseed --regid=dreamseed --init-groups -- "$@"; return; }; "$@"; }'
  cat "$work/secrets.sh" "$work/recovery.sh" "$work/it.sh"
} >"$root/srv/guide.sh"
inside env USB=/media/usb bash /srv/guide.sh >"$work/guide.log" 2>&1 || { tail -n 40 "$work/guide.log"; fail "the commands of docs/it, docs/recovery and docs/secrets"; }
grep -c '^+ ' "$work/guide.log"
inside apt-get install -y -qq --no-install-recommends /srv/first.deb >"$work/again.log" 2>&1 || { cat "$work/again.log"; fail "installing after the guides"; }
wait_for "the hub after the guides" is_ready
restore_demo

say "remove and purge: the data stays"
inside apt-get remove -y -qq dreamseed-hub
[ -s "$root/var/lib/dreamseed/hub.db" ] || fail "remove lost the data"
is_ready && fail "the removed hub still answers" || true
inside apt-get purge -y -qq dreamseed-hub
[ -s "$root/var/lib/dreamseed/hub.db" ] || fail "purge lost the data"
inside apt-get install -y -qq --no-install-recommends /srv/first.deb >"$work/again.log" 2>&1 || { cat "$work/again.log"; fail "installing again"; }
wait_for "the hub that was installed again" is_ready
"$load" walk --url "http://127.0.0.1:$port" --accounts "$work/accounts.json" >"$work/walk4.log" || { cat "$work/walk4.log"; fail "the walk after installing again"; }
say "ok: installed, walked, upgraded, rolled back twice, removed, installed again"
