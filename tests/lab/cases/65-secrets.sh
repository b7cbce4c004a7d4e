#!/bin/bash
# Keys that were replaced or forgotten are nowhere in the daemon's memory; those in use are where they belong, once.
# reliability.md, 3.4.
. "$(dirname "$0")/../lab"

SCAN=$LAB_TREE/tests/lab/scan

lab_host node mate
lab_link node mate
lab_addr node mate 192.0.2.1/24
lab_addr mate node 192.0.2.2/24
lab_keys node mate next
name=$(lab_if node)
(umask 077 && "$WARREN" genpsk >"$LAB_DIR/psk" && "$WARREN" genpsk >"$LAB_DIR/psk-next")
psk=$(cat "$LAB_DIR/psk")
psk_next=$(cat "$LAB_DIR/psk-next")

conf() {
	lab_conf "$1" <<-END
		[Interface]
		PrivateKey = $(key_of "$1")
		ListenPort = 51820
		Address = $2

		[Peer]
		PublicKey = $(pub_of "$3")
		PresharedKey = $psk
		AllowedIPs = $4
		Endpoint = $5
	END
}

# found COUNTS KEY...: how often each key is in the memory of warrend
found() {
	local want=$1 got
	shift
	got=$("$SCAN" "$pid" "$@") && echo "found: $got" && [ "$got" = "$want" ]
}

settled() {
	pings node 10.66.0.2 && wg show "$name" >/dev/null && wg showconf "$name" >/dev/null && "$WARREN" status "$name" >/dev/null
}

conf node 10.66.0.1/24 mate 10.66.0.2/32 192.0.2.2:51820
conf mate 10.66.0.2/24 node 10.66.0.1/32 192.0.2.1:51820
ok "the mate is up" lab_warrend mate
ok "the node is up, by its file" lab_warrend node
pid=$LAB_PID
ok "traffic, and everybody asks for everything" settled
ok "its private key and PSK are in memory once" found "1 1" "$(key_of node)" "$psk"

wg set "$name" private-key "$LAB_DIR/next.key" peer "$(pub_of mate)" preshared-key "$LAB_DIR/psk-next"
wg set "$(lab_if mate)" peer "$(pub_of node)" remove
wg set "$(lab_if mate)" peer "$(pub_of next)" preshared-key "$LAB_DIR/psk-next" allowed-ips 10.66.0.1/32 \
	endpoint 192.0.2.1:51820
ok "both replaced by wg: traffic" settled
ok "the old ones are gone" found "0 0 1 1" "$(key_of node)" "$psk" "$(key_of next)" "$psk_next"

# refused LINE...: a change that ends in an error
refused() {
	printf '%s\n' set=1 "$@" listen_port=none '' | socat - "UNIX-CONNECT:/var/run/wireguard/$name.sock" | grep -x 'errno=-22'
}
hex() {
	base64 -d <<<"$1" | od -An -v -tx1 | tr -d ' \n'
}
ok "a change is refused" refused "private_key=$(hex "$(key_of node)")" "public_key=$(hex "$(pub_of next)")" \
	"preshared_key=$(hex "$psk")"
ok "its keys are gone" found "0 0" "$(key_of node)" "$psk"
printf 'set=1\nprivate_key=%s\nlisten' "$(hex "$(key_of node)")" |
	timeout 1 socat - "UNIX-CONNECT:/var/run/wireguard/$name.sock,shut-none"
ok "a change is broken off: its key is gone" found 0 "$(key_of node)"
wg set "$name" peer "$(pub_of mate)" remove
ok "a peer is removed: its PSK is gone" found "1 0" "$(key_of next)" "$psk_next"
printf 'set=1\nprivate_key=%s\n\n' "$(printf '00%.0s' {1..32})" | socat - "UNIX-CONNECT:/var/run/wireguard/$name.sock" >/dev/null
ok "the private key is forgotten: it is gone" found 0 "$(key_of next)"
ok "SIGTERM: 0" lab_stop "$pid"
[ $LAB_FAILED -eq 0 ] || lab_explain warrend-node
lab_done
