#!/bin/bash
# One script of wg commands, given to warrend and to wireguard-go: what wg prints must be the same, line by line. Then wg
# in 200 processes, and who does not behave, while a ping runs through.
. "$(dirname "$0")/../lab"

lab_host a b
lab_link a b
lab_addr a b 192.0.2.1/24
lab_addr b a 192.0.2.2/24
lab_keys self p q r
(umask 077 && wg genpsk >"$LAB_DIR/psk1" && wg genpsk >"$LAB_DIR/psk2" && echo rubbish >"$LAB_DIR/bad")
P=$(pub_of p) Q=$(pub_of q) R=$(pub_of r)
forms=(dump public-key private-key listen-port fwmark peers preshared-keys endpoints allowed-ips latest-handshakes transfer
	persistent-keepalive)

# --- the same words --------------------------------------------------------------------------------------------------

# What may differ: the interface's name, the order of peers (wireguard-go: random) and of allowed IPs (ours: sorted).
normal() {
	perl -0777 -ne '
		s/\n+\z//;
		s/\b'"$(lab_if "$1")"'\b/IFACE/g;
		s{[^\s,]+/\d+(?:(?:, ?| )[^\s,]+/\d+)*}{join ", ", sort split /[, ]+/, $&}ge;
		my $between = /\n\n/ ? "\n\n" : "\n";
		print join($between, sort split /$between+/), "\n";'
}

# said HOST WORD...: how a wg command ends there, and what it prints
said() {
	local text
	text=$(lab_wg "$@" 2>&1)
	echo "\$ wg ${*:2}: status $?"
	normal "$1" <<<"$text"
}

# state HOST: all that wg can tell
state() {
	local form
	said "$1" show %
	for form in "${forms[@]}"; do
		said "$1" show % "$form"
	done
	said "$1" showconf %
}

# changed HOST WORD...: a command, and the state it leaves
changed() {
	said "$@"
	state "$1"
}

# refused HOST WORD...: a command, and that it left all peers as they were
refused() {
	said "$@"
	said "$1" show % dump
}

# same_end STATUS: both printed the same, and the first command ended so
same_end() {
	head -n 1 "$LAB_DIR/said-a" | grep "status $1\$" &&
		diff -u --label warrend --label wireguard-go "$LAB_DIR/said-a" "$LAB_DIR/said-b"
}

# good WHAT WORD..., bad WHAT WORD...: a wg command that both have to accept, or to refuse, with the same words
good() {
	changed a "${@:2}" >"$LAB_DIR/said-a"
	changed b "${@:2}" >"$LAB_DIR/said-b"
	ok "$1" same_end 0
}

bad() {
	refused a "${@:2}" >"$LAB_DIR/said-a"
	refused b "${@:2}" >"$LAB_DIR/said-b"
	ok "refused: $1" same_end 1
}

# No neighbour discovery of the kernel's own may set off a handshake on one of them.
lab_exec a sysctl -qw net.ipv6.conf.default.addr_gen_mode=1
lab_exec b sysctl -qw net.ipv6.conf.default.addr_gen_mode=1
ok "warrend starts" lab_daemon a "$WARREND" 10.66.0.1/24
ok "wireguard-go starts" lab_daemon b wireguard-go 10.66.0.2/24

good "private key and port" set % private-key "$LAB_DIR/self.key" listen-port 51820
good "fwmark" set % fwmark 0x2a
good "a peer" set % peer "$P" allowed-ips 10.66.0.2/32,10.66.1.0/24,fd66::2/128 endpoint 192.0.2.9:1000
good "a peer with preshared key and keepalive" set % peer "$Q" allowed-ips 10.66.0.3,fd66::3 \
	preshared-key "$LAB_DIR/psk1" persistent-keepalive 25
good "an allowed IP moves to another peer" set % peer "$Q" allowed-ips 10.66.0.3/32,10.66.1.0/24
good "a prefix with bits behind its length" set % peer "$P" allowed-ips 10.66.2.77/24,2001:db8::1/32
good "everything" set % peer "$Q" allowed-ips 0.0.0.0/0,::/0
good "no allowed IP" set % peer "$P" allowed-ips ""
good "an IPv6 endpoint" set % peer "$P" endpoint '[2001:db8::9]:1000' allowed-ips 10.66.0.2/32
good "two peers at once" set % peer "$R" allowed-ips 10.66.0.4/32 peer "$P" allowed-ips 10.66.0.2/32,10.66.0.5/32
good "another preshared key" set % peer "$Q" preshared-key "$LAB_DIR/psk2"
good "no preshared key" set % peer "$Q" preshared-key /dev/null
good "keepalive off" set % peer "$Q" persistent-keepalive off
good "keepalive on" set % peer "$Q" persistent-keepalive 65535
good "keepalive 0" set % peer "$Q" persistent-keepalive 0
good "fwmark off" set % fwmark off
good "another port" set % listen-port 51821
good "our own key as a peer" set % peer "$(pub_of self)" allowed-ips 10.66.0.9/32
good "the private key of a peer" set % private-key "$LAB_DIR/r.key"
good "no private key" set % private-key /dev/null
good "the first private key again" set % private-key "$LAB_DIR/self.key"
good "a peer removed" set % peer "$P" remove
good "a peer removed that is not there" set % peer "$P" remove

# --- files -----------------------------------------------------------------------------------------------------------

cat >"$LAB_DIR/one" <<END
[Interface]
PrivateKey = $(key_of self)
ListenPort = 51822
FwMark = 0x10

[Peer]
PublicKey = $P
PresharedKey = $(cat "$LAB_DIR/psk1")
AllowedIPs = 10.66.0.2/32, fd66::2/128
Endpoint = 192.0.2.9:1000

[Peer]
PublicKey = $Q
AllowedIPs = 10.66.0.3/32
PersistentKeepalive = 20
END
cat >"$LAB_DIR/two" <<END
[Peer]
PublicKey = $R
AllowedIPs = 10.66.0.4/32, 10.66.0.3/32
[Peer]
PublicKey = $P
AllowedIPs = 10.66.5.0/24
END
cat >"$LAB_DIR/three" <<END
[Interface]
PrivateKey = $(key_of self)
ListenPort = 51822
[Peer]
PublicKey = $R
AllowedIPs = 10.66.0.4/32
[Peer]
PublicKey = $Q
AllowedIPs = 10.66.0.3/32
END
good "setconf" setconf % "$LAB_DIR/one"
good "addconf" addconf % "$LAB_DIR/two"
good "syncconf" syncconf % "$LAB_DIR/three"
good "setconf again" setconf % "$LAB_DIR/one"
good "syncconf with nothing to do" syncconf % "$LAB_DIR/one"

# reads_its_own HOST: what it shows, given back to it. (wireguard-go shows peers in another order each time.)
reads_its_own() {
	lab_wg "$1" showconf % >"$LAB_DIR/shown" && lab_wg "$1" setconf % "$LAB_DIR/shown" && said "$1" showconf %
}
ok "warrend takes back what showconf shows" reads_its_own a
lab_wg a showconf % >"$LAB_DIR/again"
ok "and shows the same" cmp "$LAB_DIR/shown" "$LAB_DIR/again"
good "wireguard-go still agrees" setconf % "$LAB_DIR/again"

# lists HOST: the forms that list every interface of this machine, of which ours is looked at
lists() {
	local form
	for form in "${forms[@]}"; do
		[ "$form" != endpoints ] || continue # of which wg prints the interface for the first peer only
		wg show all "$form" 2>/dev/null | grep "^$(lab_if "$1")	" | sed "s/^/$form /" | normal "$1"
	done
	wg show interfaces | tr ' ' '\n' | grep -x "$(lab_if "$1")" | normal "$1"
}
lists a >"$LAB_DIR/said-a"
lists b >"$LAB_DIR/said-b"
ok "show all, show interfaces" diff -u --label warrend --label wireguard-go "$LAB_DIR/said-a" "$LAB_DIR/said-b"
ok "which tell something in every form" test "$(cut -d ' ' -f 1 "$LAB_DIR/said-a" | uniq | wc -l)" -eq ${#forms[@]}

# --- refused ---------------------------------------------------------------------------------------------------------

bad "a private key that is none" set % private-key "$LAB_DIR/bad"
bad "a public key that is none" set % peer rubbish
bad "a public key too short" set % peer "${P:1}"
bad "a port that is none" set % listen-port rubbish
bad "a keepalive too long" set % peer "$Q" persistent-keepalive 65536
bad "a prefix too long" set % peer "$Q" allowed-ips 10.66.0.0/33
bad "an endpoint without port" set % peer "$Q" endpoint 192.0.2.9
bad "a word that is none" set % rubbish
bad "a file that is none" setconf % "$LAB_DIR/bad"
bad "an interface that is none" show wr-none
lab_spawn a socat-a socat -u UDP4-RECV:51999 /dev/null
lab_spawn b socat-b socat -u UDP4-RECV:51999 /dev/null
taken() {
	lab_exec "$1" ss -Huln 'sport = :51999' | grep -q .
}
wait_for 5 taken a
wait_for 5 taken b
state a >"$LAB_DIR/before"
# (wireguard-go is left without a port, so that only the words are compared.)
said a set % fwmark 7 listen-port 51999 >"$LAB_DIR/said-a"
said b set % fwmark 7 listen-port 51999 >"$LAB_DIR/said-b"
unchanged() {
	state a | diff "$LAB_DIR/before" -
}
ok "refused: a port in use" same_end 1
ok "with the reason" grep -q 'Address already in use' "$LAB_DIR/said-a"
ok "it changes nothing in warrend" unchanged

# --- many, slow and wrong --------------------------------------------------------------------------------------------

lab_wg a set % fwmark 0 peer "$R" allowed-ips 10.66.0.2/32 endpoint 192.0.2.2:51900
lab_wg b set % listen-port 51900 private-key "$LAB_DIR/r.key" peer "$(pub_of self)" allowed-ips 10.66.0.1/32
socket=/var/run/wireguard/$(lab_if a).sock
ok "a ping" pings a 10.66.0.2

lab_spawn a slow socat -u "SYSTEM:printf set=1; sleep 10" "UNIX-CONNECT:$socket"
lab_spawn a ping ping -n -q -i 0.02 -c 200 10.66.0.2
ping=$LAB_PID
lab_spawn a rubbish bash -c "head -c 10000000 /dev/urandom | socat -u - 'UNIX-CONNECT:$socket'"
ask_200_times() {
	seq 200 | xargs -P 200 -I{} wg show "$(lab_if a)" public-key >"$LAB_DIR/keys" &&
		[ "$(grep -cxF "$(pub_of self)" "$LAB_DIR/keys")" -eq 200 ]
}
ok "200 wg at once are all answered" ask_200_times
ok "while the ping runs" kill -0 "$ping"
wait_for 15 gone "$ping"
ok "which lost no packet" grep -F ' 0% packet loss' "$LAB_DIR/ping.log"
lab_done
