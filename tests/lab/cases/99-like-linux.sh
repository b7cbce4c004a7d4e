#!/bin/bash
# Is our model of a Linux router what a Linux router does? The same packets through the kernel's masquerade and through
# warren-natbox, once with a closed INPUT chain and once with an open one: ports, who may answer, hops, lifetimes, and flows
# moved by packets that came too early. nat.md, 1 and 4.
. "$(dirname "$0")/../lab"

like_linux=(mapping=apdm filtering=apdf ports=preserve overload=yes lifetime=3s:6s)
lab_up <<-END
	public kernel-out 198.51.100.1 198.51.100.2
	public box-out 198.51.100.3 198.51.100.4
	site kernel masquerade
	host kernel-a kernel
	host kernel-b kernel
	site box box ${like_linux[*]} input=drop
	host box-a box
	host box-b box
END
lab_exec kernel sysctl -qw net.netfilter.nf_conntrack_udp_timeout=3 net.netfilter.nf_conntrack_udp_timeout_stream=6

# likeness SITE POLICY ADDRESS ADDRESS: what became of the packets, in SITE.POLICY
likeness() {
	"$LAB_TREE/tests/lab/likeness" "$2" "$(lab_ns "$1-a")" "${LAB_IP[$1-a]}" "$(lab_ns "$1-b")" "${LAB_IP[$1-b]}" \
		"$(lab_ns "$1-out")" "$3" "$4" "${LAB_IP[$1]}" >"$LAB_DIR/$1.$2"
}
both() {
	likeness kernel "$1" 198.51.100.1 198.51.100.2 &
	likeness box "$1" 198.51.100.3 198.51.100.4 && wait $!
}
alike() {
	diff -u "$LAB_DIR/kernel.$1" "$LAB_DIR/box.$1"
}

ok "packets through both, INPUT closed" both drop
ok "became the same" alike drop
sed 's/^/# /' "$LAB_DIR/kernel.drop"
ok "a closed INPUT chain has moved nothing" grep -qx 'the flow, and others of its socket: own, own, own' "$LAB_DIR/kernel.drop"

ok "the kernel's INPUT chain is opened" lab_exec kernel nft add chain ip home in '{ policy accept; }'
ok "ours too" lab_nat box change input=accept
ok "packets through both, INPUT open" both accept
ok "became the same" alike accept
sed 's/^/# /' "$LAB_DIR/kernel.accept"
ok "an open one moves flows" grep -qx 'the flow, and others of its socket: A, A, A' "$LAB_DIR/kernel.accept"
lab_done
