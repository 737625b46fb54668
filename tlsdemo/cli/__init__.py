"""The command `tlsdemo`. EDGE.

main                serve, connect, eavesdrop, mitm, chain, explain, tour, compare, attack, attacks, protocols
lab_app             lab, check-client
serve               `tlsdemo serve`
serve_options       its options
serve_banner        what it prints first
connect             `tlsdemo connect`
connect_own         over a handshake of ours
connect_tls         over TLS
connect_http        an HTTPS request
several_lines       several lines over one connection
target              server address, trust anchors, message
chain               `tlsdemo chain`
explain             `tlsdemo explain`
explain_live        of a connection that is made now
explain_map         `tlsdemo explain --map`
explaining          `--explain` of `serve` and `connect`
recording           `--capture` of `serve` and `connect`
eavesdrop           `tlsdemo eavesdrop`
mitm                `tlsdemo mitm`
mitm_attack         `tlsdemo mitm --attack`
mitm_cases          `tlsdemo mitm --case` and `--cycle`
case_minting        a test certificate for any name, under a CA of a folder
case_rotation       which case comes next
listening           one run of a command that listens
position            the port between client and server
attack              `tlsdemo attack`, `attacks`, `protocols`
compare             `tlsdemo compare`
compare_peers       `tlsdemo compare --peers`
protocol_options    --protocol, --without, --group
protocol_names      the names that are not rungs
lab                 `tlsdemo lab`
check_client        `tlsdemo check-client`
baseline            findings that are known already
key_log             the key log of our own TLS, as a file
reporter            the output of servers
line_writer         a queue before stdout, so that printing never waits
reloading           files that are read again when they change
exposure            a warning when other machines can connect
"""
