#!/bin/bash
# An endpoint by name, and a name server that is dead, slow or says something new: nobody waits for it, and the tunnel finds its peer.
# reliability.md, F68.
. "$(dirname "$0")/../lab"
LAB_FULL=${LAB_FULL:-0}

lab_host node mate other dns
lab_link node mate
lab_link node other
lab_link node dns
lab_addr node mate 192.0.2.1/24
lab_addr mate node 192.0.2.2/24
lab_addr node other 198.51.100.1/24
lab_addr other node 198.51.100.2/24
lab_addr node dns 203.0.113.1/24
lab_addr dns node 203.0.113.53/24
lab_keys node mate other

# What ip netns exec shows as /etc/resolv.conf on the node.
trap 'lab_end; rmdir /etc/netns 2>/dev/null' EXIT
lab_forget "/etc/netns/$(lab_ns node)"
mkdir -p "/etc/netns/$(lab_ns node)"
echo "nameserver 203.0.113.53" >"/etc/netns/$(lab_ns node)/resolv.conf"

# The mate may only answer: else it would tell where it is by itself.
lab_exec mate nft -f - <<-NFT
	table ip shy {
		chain out {
			type filter hook output priority filter; policy accept
			udp sport 51820 ct state new drop
		}
	}
NFT

# peer_conf HOST ADDRESS: one that knows the node, but not where it is.
peer_conf() {
	lab_conf "$1" <<-END
		[Interface]
		PrivateKey = $(key_of "$1")
		ListenPort = 51820
		Address = $2/24

		[Peer]
		PublicKey = $(pub_of node)
		AllowedIPs = 10.66.0.1/32
	END
}

peer_conf mate 10.66.0.2
peer_conf other 10.66.0.3
lab_conf node <<END
[Interface]
PrivateKey = $(key_of node)
Address = 10.66.0.1/24
FwMark = 51820

[Peer]
PublicKey = $(pub_of mate)
AllowedIPs = 10.66.0.2/32
Endpoint = mate.example.net:51820

[Peer]
PublicKey = $(pub_of other)
AllowedIPs = 10.66.0.3/32
Endpoint = 198.51.100.2:51820
END

# mate_is_at ADDRESS SECONDS: what the name server says of it, and how late.
mate_is_at() {
	echo "mate.example.net $1 $2" >"$LAB_DIR/names.new"
	mv "$LAB_DIR/names.new" "$LAB_DIR/names"
}

name_server() {
	lab_spawn dns names "$LAB_TREE/tests/lab/names" 203.0.113.53 "$LAB_DIR/names"
	dns_pid=$LAB_PID
}

milliseconds() {
	echo $(($(date +%s%N) / 1000000))
}

# within MILLISECONDS COMMAND...: until the command succeeds; prints how long it took. Three times the bound may pass, with LAB_FULL
# the bound itself.
within() {
	local bound=$((LAB_FULL ? $1 : 3 * $1)) began took
	shift
	began=$(milliseconds)
	wait_for $((bound / 1000 + 5)) "$@"
	took=$(($(milliseconds) - began))
	echo "# $took ms" >&3
	[ $took -le $bound ]
}

reaches_mate() {
	lab_exec node ping -n -q -c 1 -W 0.2 10.66.0.2
}

mate_moves() {
	ip -n "$(lab_ns mate)" address del "$1/24" dev to-node
	ip -n "$(lab_ns mate)" address add "$2/24" dev to-node
}

# For three seconds, from before the daemon asks until after it was told.
other_answers_all() {
	lab_exec node ping -n -q -i 0.02 -c 150 -W 1 10.66.0.3 | tee /dev/stderr | grep -q ' 0% packet loss'
}

exec 3>&1
ok "the mate starts" lab_warrend mate
ok "another peer starts" lab_warrend other
ok "F68: the name server is dead: the daemon is ready at once" within 1000 lab_warrend node
node_pid=$LAB_PID
ok "F68: and carries packets of others" pings node 10.66.0.3 10
mate_is_at 192.0.2.2 0
name_server
ok "F68: the name server is back: the tunnel comes up" within 7000 reaches_mate || lab_explain warrend-node names

mate_is_at 192.0.2.3 0
ok "F68: the name leads elsewhere, the peer does not: nothing is lost" pings node 10.66.0.2 50
mate_moves 192.0.2.2 192.0.2.3
ok "F68: the peer moves there, too: the tunnel follows" within 7000 reaches_mate || lab_explain warrend-node names
ok "F68: and stays" pings node 10.66.0.2 50

ok "the node's daemon stops" lab_stop "$node_pid"
mate_moves 192.0.2.3 192.0.2.4 # where it was last is of no use to the node
mate_is_at 192.0.2.4 2
ok "F68: the name server is slow: the daemon is ready at once" within 1000 lab_warrend node
node_pid=$LAB_PID
ok "F68: meanwhile others lose no packet" other_answers_all
ok "F68: the answer comes, and the tunnel is up" within 7000 reaches_mate || lab_explain warrend-node names

ok "the name server stops" bash -c "kill $dns_pid"
ok "F68: without it what is up stays up" pings node 10.66.0.2 50
ok "the daemon stops with status 0" lab_stop "$node_pid"
lab_done
