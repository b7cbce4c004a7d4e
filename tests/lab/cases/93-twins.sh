#!/bin/bash
# Two hosts with one key: no storm in the log of who hears both, and it says who they are. reliability.md, F12.
. "$(dirname "$0")/../lab"

lab_host vps laptop twin
lab_link laptop vps
lab_link twin vps
lab_addr laptop vps 192.0.2.2/25
lab_addr vps laptop 192.0.2.1/25
lab_addr twin vps 192.0.2.130/25
lab_addr vps twin 192.0.2.129/25
lab_keys vps laptop

lab_conf vps <<END
[Interface]
PrivateKey = $(key_of vps)
ListenPort = 51820
Address = 10.66.0.1/24

[Peer]
Name = laptop
PublicKey = $(pub_of laptop)
AllowedIPs = 10.66.0.2/32
END

# conf HOST ENDPOINT
conf() {
	lab_conf "$1" <<-END
		[Interface]
		PrivateKey = $(key_of laptop)
		ListenPort = 51820
		Address = 10.66.0.2/24

		[Peer]
		PublicKey = $(pub_of vps)
		AllowedIPs = 10.66.0.1/32
		Endpoint = $2:51820
	END
}
conf laptop 192.0.2.1
conf twin 192.0.2.129
told() {
	lab_log warrend-vps | grep -cE 'laptop (moved|is heard)'
}

ok "the vps is up" lab_warrend vps
ok "the laptop is up" lab_warrend laptop
ok "traffic" pings laptop 10.66.0.1
ok "its twin is up" lab_warrend twin
lab_exec laptop ping -n -q -i 0.05 -w 8 10.66.0.1 >/dev/null &
lab_exec twin ping -n -q -i 0.05 -w 8 10.66.0.1 >/dev/null
echo "# told $(told) times of $("$WARREN" status "$(lab_if vps)" --json | jq '.peers[0].switches') moves"
ok "F12: at most one move in 5 s is told" eval '[ "$(told)" -ge 2 ] && [ "$(told)" -le 3 ]'
ok "F12: and that two fight, and from where" eval \
	'lab_log warrend-vps | grep "in turn: do two hosts have its key" | grep -F 192.0.2.2:51820 | grep -qF 192.0.2.130:51820'
[ $LAB_FAILED -eq 0 ] || lab_explain warrend-vps
lab_done
