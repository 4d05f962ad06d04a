#!/usr/bin/env bash
# Records monday.pcapng and friday.pcapng, and beside each the list of the flows that
# were started with the box that a replay must put them in. The lists are written
# from what this script starts; no other program has a say in them.
#
# Runs as root on Linux. All traffic stays in network namespaces that have no route
# out and are removed at the end, as is a temporary folder; what stays are the four files.
#
#   sudo PYTHON=/path/to/python3 ./record.sh
#
# PYTHON needs python-tds and pyOpenSSL. The rest is in README.md.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
prefix="trips$$"

fail() { echo "record.sh: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "needs root, for network namespaces and dumpcap"
for tool in ip nft curl openssl dig unbound chronyd dumpcap mergecap reordercap capinfos; do
  command -v "$tool" >/dev/null || fail "\`$tool\` is missing"
done
"$python" -c 'import OpenSSL, pytds' 2>/dev/null || fail "\`$python\` lacks python-tds or pyOpenSSL"

work=$(mktemp -d)
started=()

cleanup() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for name in cloud system apps-1 apps-2 pod; do ip netns del "$prefix-$name" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT

# ---- The stage ------------------------------------------------------------------
#
# `cloud` is everything that is not a node: gateways of the subnets, the firewall's
# DNS proxy, the platform's addresses, the API server, the internet. It judges
# nothing: the firewall stood open while this was recorded.

within() { local name=$1; shift; ip netns exec "$prefix-$name" "$@"; }
serve() { (exec ip netns exec "$prefix-cloud" "$@") </dev/null >>"$work/servers.log" 2>&1 & started+=($!); }

namespace() {
  ip netns add "$prefix-$1"
  within "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  ip -n "$prefix-$1" link set lo up
}

# node NAME ADDRESS/LENGTH GATEWAY CLOUD-SIDE DEVICE: one network card, one default route
node() {
  namespace "$1"
  ip -n "$prefix-cloud" link add "$4" type veth peer name "$5" netns "$prefix-$1"
  ip -n "$prefix-cloud" link set "$4" up
  ip -n "$prefix-$1" link set "$5" up
  if [ "$5" != eth0 ]; then
    # Accelerated networking: eth0 rides on the virtual function, and a capture on
    # every interface of the host sees each packet on both.
    ip -n "$prefix-$1" link add link "$5" name eth0 type macvlan mode bridge
    ip -n "$prefix-$1" link set eth0 up
  fi
  ip -n "$prefix-$1" address add "$2" dev eth0
  ip -n "$prefix-$1" route add default via "$3"
}

namespace cloud
for address in 10.0.1.4 10.1.12.4 169.254.169.254 198.51.100.53 \
  $(awk '$3 == "A" && $4 !~ /^10\./ { print $4 }' "$here/recorder/world.zone"); do
  ip -n "$prefix-cloud" address add "$address/32" dev lo
done

node system 10.1.0.4/22 10.1.0.1 system eth0
ip -n "$prefix-cloud" address add 10.1.0.1/22 dev system

ip -n "$prefix-cloud" link add apps type bridge
ip -n "$prefix-cloud" link set apps up
ip -n "$prefix-cloud" address add 10.1.8.1/24 dev apps
node apps-1 10.1.8.4/24 10.1.8.1 apps1 eth0
node apps-2 10.1.8.5/24 10.1.8.1 apps2 enP1
ip -n "$prefix-cloud" link set apps1 master apps
ip -n "$prefix-cloud" link set apps2 master apps

# A pod of the trips API on apps-1. CNI Overlay: beyond the pod range it has its node's address.
namespace pod
ip -n "$prefix-apps-1" link add azv1 type veth peer name eth0 netns "$prefix-pod"
ip -n "$prefix-apps-1" link set azv1 up
ip -n "$prefix-apps-1" address add 169.254.1.1/32 dev azv1
ip -n "$prefix-apps-1" route add 10.244.1.7/32 dev azv1
ip -n "$prefix-pod" link set eth0 up
ip -n "$prefix-pod" address add 10.244.1.7/32 dev eth0
ip -n "$prefix-pod" route add 169.254.1.1 dev eth0 scope link
ip -n "$prefix-pod" route add default via 169.254.1.1 dev eth0
within apps-1 sysctl -qw net.ipv4.ip_forward=1
within apps-1 nft -f - <<'RULES'
table ip overlay {
  chain leave {
    type nat hook postrouting priority srcnat
    ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 masquerade
  }
}
RULES

# ---- Servers --------------------------------------------------------------------

names=$(awk '$3 == "A" || $3 == "CNAME" { sub(/\.$/, "", $1); print $1 }' "$here/recorder/world.zone")
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
  -subj "/CN=recorder" -keyout "$work/ca.key" -out "$work/ca.pem" 2>/dev/null
# certificate FILE SUBJECT NAMES…
certificate() {
  local file=$1 subject=$2; shift 2
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$subject" \
    -keyout "$work/$file.key" -out "$work/$file.csr" 2>/dev/null
  openssl x509 -req -in "$work/$file.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -days 30 \
    -extfile <(printf 'subjectAltName='; printf 'DNS:%s,' "$@" | sed 's/,$//') \
    -out "$work/$file.pem" 2>/dev/null
}
# shellcheck disable=SC2086
certificate web recorder $names
certificate sql sql-trips.database.windows.net sql-trips.database.windows.net

# What is fetched, over TLS and in the clear; the token is what IMDS would give.
mkdir -p "$work/site/metadata/identity/oauth2"
echo ok >"$work/site/file"
echo '{"access_token":"not-a-token","token_type":"Bearer"}' >"$work/site/metadata/identity/oauth2/token"

cat >"$work/unbound.conf" <<CONF
server:
  interface: 10.0.1.4
  interface: 198.51.100.53
  access-control: 0.0.0.0/0 allow
  do-ip6: no
  do-daemonize: no
  use-syslog: no
  logfile: ""
  chroot: ""
  username: ""
  directory: "$work"
  pidfile: ""
  module-config: "iterator"
  local-zone: "invalid." nodefault
auth-zone:
  name: "."
  zonefile: "$here/recorder/world.zone"
  for-upstream: yes
  for-downstream: no
remote-control:
  control-enable: no
CONF
cat >"$work/chronyd.conf" <<CONF
local stratum 2
allow all
bindaddress 192.0.2.123
cmdport 0
bindcmdaddress /
pidfile $work/chronyd.pid
CONF

serve unbound -d -c "$work/unbound.conf"
serve chronyd -x -d -u root -f "$work/chronyd.conf"
serve "$python" "$here/recorder/tds_server.py" 192.0.2.33 "$work/sql.pem" "$work/sql.key"
serve "$python" -m http.server --directory "$work/site" --bind 0.0.0.0 80
for port in 443 8443 5671; do
  (cd "$work/site" && exec ip netns exec "$prefix-cloud" openssl s_server -4 -accept "$port" -WWW -quiet \
    -cert "$work/web.pem" -key "$work/web.key") </dev/null >>"$work/servers.log" 2>&1 &
  started+=($!)
done
sleep 2

# ---- Clients --------------------------------------------------------------------
#
# Each writes its line to the list before it starts, with the local port it is told
# to use, and the recording fails if the client does.

address_of() { case $1 in system) echo 10.1.0.4 ;; apps-1) echo 10.1.8.4 ;; apps-2) echo 10.1.8.5 ;; esac; }

# expect PROTO SRC SPORT DST DPORT APP NAME BOX COMMENT
expect() { (IFS=$'\t'; echo "$*") >>"$list"; }
next_port() { port=$((port + 1)); }

# lookup NODE NAME [DIG-OPTION]: ask the firewall's proxy; the address is left in $found
lookup() {
  local proto=udp; [ "${3:-}" = +tcp ] && proto=tcp
  next_port
  expect $proto "$(address_of "$1")" $port 10.0.1.4 53 dns - not-judged "DNS to the firewall's proxy"
  found=$(within "$1" dig +noall +answer +tries=1 "${@:3}" -b "$(address_of "$1")#$port" @10.0.1.4 "$2" A |
    awk '$4 == "A" { print $5 }')
  [ -n "$found" ] || fail "no address for $2"
}

# fetch NODE NAME BOX COMMENT [SCHEME]: look the name up, then get a file from there
fetch() {
  local scheme=${5:-https} dport=443 app=tls
  [ "$scheme" = http ] && dport=80 && app=http
  lookup "$1" "$2"
  next_port
  expect tcp "$(address_of "$1")" $port "$found" $dport $app "$2" "$3" "$4"
  within "$1" curl -sS --max-time 10 --http1.1 --cacert "$work/ca.pem" --resolve "$2:$dport:$found" \
    --local-port $port -o /dev/null "$scheme://$2/file"
}

# from_pod NAME ADDRESS BOX COMMENT: the same from the pod, whose connection is seen with its own
# address on azv1 and with its node's on eth0
from_pod() {
  next_port
  expect tcp 10.1.8.4 $port "$2" 443 tls "$1" "$3" "$4"
  within pod curl -sS --max-time 10 --http1.1 --cacert "$work/ca.pem" --resolve "$1:443:$2" \
    --local-port $port -o /dev/null "https://$1/file"
}

# tls NODE ADDRESS PORT NAME|- BOX COMMENT [OPTION…]: a handshake by openssl, then close
tls() {
  local node=$1 address=$2 dport=$3 name=$4 box=$5 comment=$6; shift 6
  next_port
  expect tcp "$(address_of "$node")" $port "$address" "$dport" tls "$name" "$box" "$comment"
  local shown=(-noservername); [ "$name" = - ] || shown=(-servername "$name")
  within "$node" openssl s_client -connect "$address:$dport" -bind "$(address_of "$node"):$port" \
    "${shown[@]}" -CAfile "$work/ca.pem" -verify_return_error -quiet "$@" \
    <<<"GET /file HTTP/1.0"$'\r\n\r' >/dev/null 2>>"$work/clients.log"
}

token() {
  next_port
  expect tcp "$(address_of "$1")" $port 169.254.169.254 80 http 169.254.169.254 not-judged \
    "managed identity: the platform's address never meets the firewall"
  within "$1" curl -sS --max-time 10 --local-port $port -H "Metadata: true" -o /dev/null \
    "http://169.254.169.254/metadata/identity/oauth2/token?resource=https://database.windows.net/"
}

database() {
  local name=sql-trips.database.windows.net
  token "$1"
  lookup "$1" $name
  next_port
  expect tcp "$(address_of "$1")" $port "$found" 1433 mssql $name required-passed "trips-db: python-tds, encrypted"
  within "$1" "$python" "$here/recorder/tds_client.py" "$(address_of "$1")" $port "$found" $name \
    "$work/ca.pem" not-a-token
}

clock() {
  lookup "$1" ntp.ubuntu.com
  next_port
  expect udp "$(address_of "$1")" $port "$found" 123 other - required-passed "aks::clock: chrony, by the address the proxy gave"
  printf 'server %s iburst\nacquisitionport %s\ncmdport 0\nbindcmdaddress /\npidfile %s\n' "$found" $port "$work/clock.pid" >"$work/clock.conf"
  within "$1" chronyd -x -Q -u root -t 20 -f "$work/clock.conf" >>"$work/clients.log" 2>&1
}

api_server() {
  local name=trips-0a1b2c3d.privatelink.westeurope.azmk8s.io
  lookup "$1" $name
  tls "$1" "$found" 443 $name not-judged "kubelet to the API server's private endpoint: stays in the network"
}

konnectivity() {
  tls "$1" 10.1.12.4 443 trips-0a1b2c3d.privatelink.westeurope.azmk8s.io not-judged \
    "konnectivity agent to the private endpoint" -alpn konnectivity-agent
}

# ---- Captures -------------------------------------------------------------------

# record DAY NODE:INTERFACES…: run the function of that day between start and end of a capture
record() {
  local day=$1; shift
  local dumps=() parts=() spec interface options
  list="$work/$day.expected.tsv"
  printf 'proto\tsrc\tsport\tdst\tdport\tapp\tname\tbox\tcomment\n' >"$list"
  for spec in "$@"; do
    options=()
    for interface in $(tr , ' ' <<<"${spec#*:}"); do options+=(-i "$interface" -f ip); done
    (exec ip netns exec "$prefix-${spec%%:*}" dumpcap -q "${options[@]}" -w "$work/${spec%%:*}.pcapng") \
      2>"$work/dump-${spec%%:*}.log" &
    dumps+=($!); started+=($!); parts+=("${spec%%:*}.pcapng")
  done
  for spec in "$@"; do
    for _ in $(seq 50); do grep -q '^File:' "$work/dump-${spec%%:*}.log" && break; sleep 0.1; done
  done
  sleep 1
  "$day"
  sleep 2
  kill -INT "${dumps[@]}"
  wait "${dumps[@]}" || true
  # dumpcap writes several interfaces in batches, so the merged file is put in order of time.
  (cd "$work" && mergecap -w merged.pcapng "${parts[@]}" && reordercap merged.pcapng "$day.pcapng" >/dev/null)
}

# What every day is like.
routine() {
  local node
  for node in system apps-1 apps-2; do
    fetch $node mcr.microsoft.com                 required-passed "aks::registry"
    fetch $node westeurope.data.mcr.microsoft.com required-passed "aks::registry"
    fetch $node login.microsoftonline.com         required-passed "aks::entra"
    api_server $node
  done
  konnectivity system
  clock system
  database apps-1
}

monday() {
  local node
  routine
  for node in system apps-1; do
    fetch $node mcr-0001.mcr-msedge.net             required-passed  "aks::registry"
    fetch $node mcrprod.azurecr.io                  permitted-passed "aks::registry-backend"
    fetch $node management.azure.com                required-passed  "aks::resource-manager"
    fetch $node packages.microsoft.com              required-passed  "aks::packages"
    fetch $node packages.aks.azure.com              required-passed  "aks::binaries"
    fetch $node acrtrips.azurecr.io                 required-passed  "own-images"
    fetch $node acrtrips.westeurope.data.azurecr.io required-passed  "own-images"
    fetch $node security.ubuntu.com                 permitted-passed "updates" http
    fetch $node azure.archive.ubuntu.com            permitted-passed "updates" http
  done
  clock apps-1
  fetch apps-1 geocode.example.com required-passed "poi-backfill, which expires"
  lookup apps-2 packages.microsoft.com +tcp
}

friday() {
  routine

  lookup apps-1 geocode.example.com
  from_pod geocode.example.com "$found" required-passed \
    "poi-backfill, from pod 10.244.1.7: seen before and after source NAT, one flow"
  from_pod trips-0a1b2c3d.privatelink.westeurope.azmk8s.io 10.1.12.4 not-judged \
    "a workload calls the API server: in the network, with its node's address, out of the firewall's reach"

  fetch apps-1 security.ubuntu.com permitted-passed "updates" http

  fetch apps-1 tripsmirror.blob.core.windows.net leak \
    "the platform's application rule any-blob passes every storage account"
  lookup apps-1 feed.partner.example
  tls apps-1 "$found" 8443 feed.partner.example leak \
    "the platform's network rule partner-feed passes the range, and no name is looked at"
  next_port
  expect udp 10.1.0.4 $port 198.51.100.53 53 dns - leak \
    "the platform's network rule resolvers passes DNS to any server"
  within system dig +noall +answer +tries=1 -b "10.1.0.4#$port" @198.51.100.53 q7f3.tunnel.example A >/dev/null

  lookup apps-1 login.microsoftonline.com
  tls apps-1 "$found" 443 - breakage \
    "aks::entra requires it, but the client shows no name: the firewall refuses TLS without SNI"
  fetch system acs-mirror.azureedge.net breakage \
    "aks::binaries requires it, but the platform's application rule retired-cdn denies it first"

  fetch apps-1 ingest.fabrikam.example bypass \
    "the left-over route 198.51.100.64/26 leads around the firewall"

  lookup apps-1 sb-trips.servicebus.windows.net
  tls apps-1 "$found" 5671 sb-trips.servicebus.windows.net undetermined \
    "user-events permits ServiceBus.WestEurope, whose prefixes are not at hand"

  fetch apps-1 pastebin.com blocked "deny paste"
  fetch apps-1 build-1b2c3d4e.hcp.westeurope.azmk8s.io blocked "deny api-servers: another cluster's API server"
  fetch apps-2 updates.example.net blocked "nothing permits it" http
  next_port
  expect tcp 10.1.8.4 $port 203.0.113.90 443 tls - blocked \
    "a handshake, no byte, and the server's alert: the firewall would answer it itself, which proves nothing"
  within apps-1 "$python" "$here/recorder/handshake.py" 10.1.8.4 $port 203.0.113.90 443
}

port=40000
record monday system:eth0 apps-1:eth0 apps-2:eth0
port=41000
record friday system:eth0 apps-1:eth0,azv1 apps-2:eth0,enP1

for day in monday friday; do
  install -m 644 "$work/$day.pcapng" "$work/$day.expected.tsv" "$here/"
  capinfos -csuT "$here/$day.pcapng" >&2
done
