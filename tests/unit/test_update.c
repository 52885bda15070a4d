/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* What becomes of a user's addresses. want is the outcome of each host and the addresses that it set,
 * and behind "->" what each name has now that has not what it had before. */

#include "exchange.h"

#define U "/nic/update?"
#define H1 U "hostname=host1.dyn.example&"
#define H12 U "hostname=host1.dyn.example,host2.dyn.example&"
#define V6 "2001:db8:ffff:12::a" /* of host1 at the start */
#define ID "interface_id = host1.dyn.example ::1:2:3:4\n"
#define ID2 "interface_id = host2.dyn.example ::5:6:7:8\n"

static const struct exchange_row rows[] = {
	/* outcomes */
	{ "good", H1 "myip=192.0.2.10", "good 192.0.2.10 -> host1 192.0.2.10 " V6 },
	{ "nochg", H1 "myip=198.51.100.1", "nochg 198.51.100.1" },
	{ "nochg of both families", H1 "myip=198.51.100.1," V6, "nochg 198.51.100.1," V6 },
	{ "good and nochg", H12 "myip=198.51.100.2",
	  "good 198.51.100.2; nochg 198.51.100.2 -> host1 198.51.100.2 " V6 },
	{ "one family is new", H1 "myip=198.51.100.1,2001:db8::10",
	  "good 198.51.100.1,2001:db8::10 -> host1 198.51.100.1 2001:db8::10" },
	{ "nohost", U "hostname=host9.dyn.example&myip=192.0.2.10", "nohost" },
	{ "another user's", U "hostname=solo.dyn.example&myip=192.0.2.10", "nohost" },
	{ "no host name", U "hostname=a..b&myip=192.0.2.10", "nohost" },
	{ "beside one that is his", H1 "hostname=host9.dyn.example&myip=192.0.2.10",
	  "good 192.0.2.10; nohost -> host1 192.0.2.10 " V6 },
	{ "notfqdn", U "hostname=host1&myip=192.0.2.10", "notfqdn" },
	{ "only a dot", U "hostname=.&myip=192.0.2.10", "notfqdn" },
	{ "a dot at the end", U "hostname=host1.dyn.example.&myip=192.0.2.10",
	  "good 192.0.2.10 -> host1 192.0.2.10 " V6 },
	{ "upper case", U "hostname=HOST1.dyn.Example&myip=192.0.2.10",
	  "good 192.0.2.10 -> host1 192.0.2.10 " V6 },
	{ "the same host twice",
	  U "hostname=host1.dyn.example,host1.dyn.example&myip=192.0.2.10",
	  "good 192.0.2.10; good 192.0.2.10 -> host1 192.0.2.10 " V6 },
	{ "in the order of the request",
	  U "hostname=host2.dyn.example,host1.dyn.example&myip=198.51.100.1",
	  "good 198.51.100.1; nochg 198.51.100.1 -> host2 198.51.100.1" },
	{ "one bad address refuses all", H12 "myip=192.0.2.10,x", "dnserr; dnserr" },
	{ "nohost, whatever the address", U "hostname=host9.dyn.example&myip=x", "nohost" },
	{ "deleted", "/nic/delete?hostname=host1.dyn.example&myip=0.0.0.0",
	  "deleted A -> host1 " V6 },

	{ "a proxy that does not say for whom", H1, "dnserr", .peer = "" },
	{ "nor in place of an address", H1 "ipv4=auto", "dnserr", .peer = "" },
	{ "which is not needed", H1 "myip=192.0.2.10", "good 192.0.2.10 -> host1 192.0.2.10 " V6,
	  .peer = "" },

	/* deSEC's parameters of one host */
	{ "of the host itself", H1 "myipv4:host1.dyn.example=192.0.2.77",
	  "good 192.0.2.77 -> host1 192.0.2.77 " V6 },
	{ "goes before the general one", H1 "myipv4=192.0.2.10&myipv4:host1.dyn.example=192.0.2.77",
	  "good 192.0.2.77 -> host1 192.0.2.77 " V6 },
	{ "of another host", H1 "myipv4=192.0.2.10&myipv4:host2.dyn.example=192.0.2.77",
	  "good 192.0.2.10 -> host1 192.0.2.10 " V6 "; host2 192.0.2.77" },
	{ "of one of two", H12 "myipv4=192.0.2.10&myipv6:HOST2.dyn.example=2001:db8::2",
	  "good 192.0.2.10; good 192.0.2.10,2001:db8::2 -> host1 192.0.2.10 " V6
	  "; host2 192.0.2.10 2001:db8::2" },
	{ "an empty one removes", H1 "myipv6:host1.dyn.example=", "good -> host1 198.51.100.1" },
	{ "a prefix", H1 "myipv6:host1.dyn.example=2001:db8:abcd:1200::/64",
	  "good 2001:db8:abcd:1200::a -> host1 198.51.100.1 2001:db8:abcd:1200::a" },
	{ "of somebody else's host", H1 "myipv4=192.0.2.10&myipv4:solo.dyn.example=192.0.2.77",
	  "good 192.0.2.10 -> host1 192.0.2.10 " V6 },
	{ "not for this secret", H1 "myipv4=192.0.2.10&myipv4:host2.dyn.example=192.0.2.77",
	  "good 192.0.2.10 -> host1 192.0.2.10 " V6, .allowed = "10" },
	{ "no address", H1 "myipv4=192.0.2.10&myipv4:host2.dyn.example=x", "dnserr" },
	{ "the wrong family", H1 "myipv4:host1.dyn.example=2001:db8::1", "dnserr" },

	/* no host */
	{ "the user name is a host", U "myip=192.0.2.10",
	  "good 192.0.2.10 -> host1 192.0.2.10 " V6,
	  .authorization = "Basic aG9zdDEuZHluLmV4YW1wbGU6eA==" },
	{ "the user name in the query is one", U "username=host2.dyn.example&myip=192.0.2.10",
	  "good 192.0.2.10 -> host2 192.0.2.10" },
	{ "the user name is a host of somebody else",
	  U "username=solo.dyn.example&myip=192.0.2.10", "notfqdn" },
	{ "the only host", U "myip=192.0.2.10", "good 192.0.2.10 -> solo 192.0.2.10",
	  .user = "solo" },
	{ "one of several", U "myip=192.0.2.10", "notfqdn" },
	{ "one of several, by its secret", U "myip=192.0.2.10",
	  "good 192.0.2.10 -> host2 192.0.2.10", .allowed = "01" },
	{ "a secret for nothing", U "myip=192.0.2.10", "notfqdn", .allowed = "00" },
	{ "the user name is not for this secret",
	  U "username=host1.dyn.example&myip=192.0.2.10", "good 192.0.2.10 -> host2 192.0.2.10",
	  .allowed = "01" },
	{ "FreeDNS: all of them", "/u/TOKEN/?address=192.0.2.10",
	  "good 192.0.2.10; good 192.0.2.10 -> host1 192.0.2.10 " V6 "; host2 192.0.2.10" },
	{ "FreeDNS: all of the secret's", "/dynamic/update.php?TOKEN&address=192.0.2.10",
	  "good 192.0.2.10 -> host1 192.0.2.10 " V6, .allowed = "10" },
	{ "not for this secret", H12 "myip=192.0.2.10",
	  "nohost; good 192.0.2.10 -> host2 192.0.2.10", .allowed = "01" },

	/* the first label */
	{ "DuckDNS", "/update?domains=host1&ip=192.0.2.10",
	  "good 192.0.2.10 -> host1 192.0.2.10 " V6 },
	{ "DuckDNS, upper case", "/update?domains=HOST1&ip=192.0.2.10",
	  "good 192.0.2.10 -> host1 192.0.2.10 " V6 },
	{ "DuckDNS, the whole name", "/update?domains=host1.dyn.example&ip=192.0.2.10",
	  "good 192.0.2.10 -> host1 192.0.2.10 " V6 },
	{ "only the beginning of a label", "/update?domains=host&ip=192.0.2.10", "nohost" },
	{ "a label of two names", "/update?domains=www,mail&ip=192.0.2.10",
	  "nohost; good 192.0.2.10 -> mail.two 192.0.2.10", .user = "dora" },
	{ "a label of two names, one for this secret", "/update?domains=www&ip=192.0.2.10",
	  "good 192.0.2.10 -> www.two 192.0.2.10", .user = "dora", .allowed = "0111" },
	{ "a label elsewhere", U "hostname=mail&myip=192.0.2.10", "notfqdn", .user = "dora" },
	{ "a wildcard", U "hostname=*.two.example&myip=192.0.2.10",
	  "good 192.0.2.10 -> *.two 192.0.2.10", .user = "dora" },
	{ "a name that only the wildcard answers for",
	  U "hostname=x.two.example&myip=192.0.2.10", "nohost", .user = "dora" },

	/* one family only */
	{ "v6 leaves v4", H1 "myip=2001:db8::10",
	  "good 2001:db8::10 -> host1 198.51.100.1 2001:db8::10" },
	{ "both", H1 "myip=2001:db8::10,192.0.2.10",
	  "good 192.0.2.10,2001:db8::10 -> host1 192.0.2.10 2001:db8::10" },
	{ "several of one", H1 "myip=192.0.2.11,192.0.2.10",
	  "good 192.0.2.11,192.0.2.10 -> host1 192.0.2.10 192.0.2.11 " V6 },
	{ "the same twice", H1 "myip=192.0.2.10,192.0.2.10",
	  "good 192.0.2.10 -> host1 192.0.2.10 " V6 },
	{ "preserve", H1 "myip=192.0.2.10&myipv6=preserve",
	  "good 192.0.2.10 -> host1 192.0.2.10 " V6 },
	{ "preserve both", H1 "myip=preserve", "nochg" },
	{ "remove v6", H1 "myip=192.0.2.10&myipv6=", "good 192.0.2.10 -> host1 192.0.2.10" },
	{ "remove v6, nothing else", H1 "myipv6=", "good -> host1 198.51.100.1" },
	{ "remove what is not there", U "hostname=host2.dyn.example&myipv6=", "nochg" },
	{ "0.0.0.0", H1 "myip=0.0.0.0", "good -> host1 " V6 },
	{ "::", H1 "myip=192.0.2.10,::", "good 192.0.2.10 -> host1 192.0.2.10" },
	{ "offline", H12 "offline=YES", "good; good -> host1; host2" },
	{ "offline beside an address", H1 "myip=192.0.2.10&offline=YES", "good -> host1" },
	{ "offline twice", U "offline=YES", "nochg", .user = "solo" },
	{ "clear", "/update?domains=host1&clear=true", "good -> host1" },

	/* the peer */
	{ "peer", H1, "good 192.0.2.99 -> host1 192.0.2.99 " V6 },
	{ "an empty myip", H1 "myip=", "good 192.0.2.99 -> host1 192.0.2.99 " V6 },
	{ "peer of v6", H1, "good 2001:db8::99 -> host1 198.51.100.1 2001:db8::99",
	  .peer = "2001:db8::99" },
	{ "peer, nochg", H1, "nochg 198.51.100.1", .peer = "198.51.100.1" },
	{ "peer is loopback", H1, "dnserr", .peer = "127.0.0.1" },
	{ "peer is link-local", H1, "dnserr", .peer = "fe80::1" },
	{ "peer is outside of networks", H1, "dnserr", .daemon = "networks = !192.0.2.0/24" },
	{ "peer is no dummy", H1, "dnserr", .peer = "192.168.1.1",
	  .daemon = "networks = !192.168.0.0/16" },
	{ "not beside an address", H1 "myip=2001:db8::10",
	  "good 2001:db8::10 -> host1 198.51.100.1 2001:db8::10" },
	{ "not beside preserve", H1 "myipv4=preserve", "nochg" },
	{ "auto", H1 "myip=auto", "good 192.0.2.99 -> host1 192.0.2.99 " V6 },
	{ "auto in its own family", H1 "myipv4=auto",
	  "good 192.0.2.99 -> host1 192.0.2.99 " V6 },
	{ "auto in the other family", H1 "myipv6=auto", "dnserr" },
	{ "auto in the other family, an address in this", H1 "myip=192.0.2.10&myipv6=auto",
	  "good 192.0.2.10 -> host1 192.0.2.10 " V6 },
	{ "auto is loopback", H1 "myip=auto", "dnserr", .peer = "::1" },

	/* dummies */
	{ "127.0.0.1", H1 "myip=127.0.0.1", "good(dummy) 127.0.0.1" },
	{ "::1", H1 "myip=::1", "good(dummy) ::1" },
	{ "both", H1 "myip=127.0.0.1,::1", "good(dummy) 127.0.0.1,::1" },
	{ "of every host", H12 "myip=127.0.0.1",
	  "good(dummy) 127.0.0.1; good(dummy) 127.0.0.1" },
	{ "beside a good one", H1 "myip=192.0.2.10&myipv6=::1",
	  "good 192.0.2.10 -> host1 192.0.2.10 " V6 },
	{ "beside a good one of its family", H1 "myip=192.0.2.10,127.0.0.1",
	  "good 192.0.2.10 -> host1 192.0.2.10 " V6 },
	{ "192.168.1.1 can be published", H1 "myip=192.168.1.1",
	  "good 192.168.1.1 -> host1 192.168.1.1 " V6 },
	{ "192.168.1.1, unless networks refuses it", H1 "myip=192.168.1.1",
	  "good(dummy) 192.168.1.1", .daemon = "networks = !192.168.0.0/16" },
	{ "fd00:d::1, unless networks refuses it", H1 "myipv6=fd00:d::1",
	  "good(dummy) fd00:d::1", .daemon = "networks = !fc00::/7" },
	{ "192.168.1.2 is none", H1 "myip=192.168.1.2", "dnserr",
	  .daemon = "networks = !192.168.0.0/16" },
	{ "multicast", H1 "myip=224.0.0.1", "good(dummy) 224.0.0.1" },
	{ "v4-mapped loopback", H1 "myip=::ffff:127.0.0.1", "good(dummy) 127.0.0.1" },

	/* limits */
	{ "outside of networks", H1 "myip=10.0.0.1", "dnserr",
	  .daemon = "networks = !10.0.0.0/8" },
	{ "outside of networks, beside another", H1 "myip=10.0.0.1,2001:db8::10",
	  "good 2001:db8::10 -> host1 198.51.100.1 2001:db8::10",
	  .daemon = "networks = !10.0.0.0/8" },
	{ "a family without a network", H1 "myip=192.0.2.10,2001:db8::10",
	  "good 192.0.2.10 -> host1 192.0.2.10 " V6, .daemon = "networks = 192.0.2.0/24" },
	{ "addresses_max", H1 "myip=192.0.2.10,192.0.2.11",
	  "good 192.0.2.10,192.0.2.11 -> host1 192.0.2.10 192.0.2.11 " V6,
	  .daemon = "addresses_max = 2" },
	{ "one too many", H1 "myip=192.0.2.10,192.0.2.11,192.0.2.12", "dnserr",
	  .daemon = "addresses_max = 2" },
	{ "one too many of the other family", H1 "myip=192.0.2.10,2001:db8::10,2001:db8::11",
	  "dnserr", .daemon = "addresses_max = 1" },
	{ "too many in what stays", H1 "myip=2001:db8::10", "dnserr",
	  .now = "host1.dyn.example 192.0.2.1 192.0.2.2\n", .daemon = "addresses_max = 1" },
	{ "too many in what a deletion leaves",
	  "/nic/delete?hostname=host1.dyn.example&myip=::", "dnserr",
	  .now = "host1.dyn.example 192.0.2.1 192.0.2.2 2001:db8::1\n",
	  .daemon = "addresses_max = 1" },

	/* deletions */
	{ "the peer's family", "/nic/delete?hostname=host1.dyn.example",
	  "deleted A -> host1 " V6 },
	{ "the peer's family, v6", "/nic/delete?hostname=host1.dyn.example",
	  "deleted AAAA -> host1 198.51.100.1", .peer = "2001:db8::99" },
	{ "an address's family", "/nic/delete?hostname=host1.dyn.example&myip=2001:db8::10",
	  "deleted AAAA -> host1 198.51.100.1" },
	{ "both families",
	  "/nic/delete?hostname=host1.dyn.example&myip=192.0.2.10,2001:db8::10",
	  "deleted A AAAA -> host1" },
	{ "offline", "/nic/delete?hostname=host1.dyn.example&offline=YES",
	  "deleted A AAAA -> host1" },
	{ "what is not there", "/nic/delete?myip=192.0.2.10", "deleted A", .user = "solo" },
	{ "not his", "/nic/delete?hostname=solo.dyn.example", "nohost" },
	{ "no address", "/nic/delete?hostname=host1.dyn.example&myip=x", "dnserr" },

	/* a prefix in place of an address */
	{ "/56 and the address it has", H1 "myip=192.0.2.10,2001:db8:abcd:1200::/56",
	  "good 192.0.2.10,2001:db8:abcd:1212::a -> host1 192.0.2.10 2001:db8:abcd:1212::a" },
	{ "/64 and the address it has", H1 "myipv6=2001:db8:abcd:1200::/64",
	  "good 2001:db8:abcd:1200::a -> host1 198.51.100.1 2001:db8:abcd:1200::a" },
	{ "/60: within a digit", H1 "myipv6=2001:db8:abcd:12ff::/60",
	  "good 2001:db8:abcd:12f2::a -> host1 198.51.100.1 2001:db8:abcd:12f2::a" },
	{ "/127", H1 "myipv6=2001:db8::fffe/127", "dnserr" },
	{ "each address it has", H1 "myipv6=2001:db8:abcd::/64",
	  "good 2001:db8:abcd::1,2001:db8:abcd::2 -> host1 2001:db8:abcd::1 2001:db8:abcd::2",
	  .now = "host1.dyn.example 2001:db8:1::1 2001:db8:2::2\n" },
	{ "addresses that become one", H1 "myipv6=2001:db8:abcd::/64",
	  "good 2001:db8:abcd::1 -> host1 2001:db8:abcd::1",
	  .now = "host1.dyn.example 2001:db8:1::1 2001:db8:2::1\n" },
	{ "no change", H1 "myipv6=2001:db8:ffff:12::/64", "nochg " V6 },
	{ "of v4", H1 "myip=192.0.2.0/24", "good 192.0.2.1 -> host1 192.0.2.1 " V6 },
	{ "no address and no identifier",
	  U "hostname=host2.dyn.example&myipv6=2001:db8:abcd::/64", "dnserr" },
	{ "the same beside an address of the other family",
	  U "hostname=host2.dyn.example&myip=192.0.2.10,2001:db8:abcd::/64",
	  "good 192.0.2.10 -> host2 192.0.2.10" },
	{ "an identifier", H1 "myipv6=2001:db8:abcd::/64",
	  "good 2001:db8:abcd:0:1:2:3:4 -> host1 198.51.100.1 2001:db8:abcd:0:1:2:3:4",
	  .http = ID },
	{ "an identifier that is longer than the rest", H1 "myipv6=2001:db8:abcd::/64",
	  "good 2001:db8:abcd:0:1:2:3:4 -> host1 198.51.100.1 2001:db8:abcd:0:1:2:3:4",
	  .http = "interface_id = host1.dyn.example 0:0:0:ff:1:2:3:4\n" },
	{ "with a subnet", H1 "myipv6=2001:db8:abcd::/56",
	  "good 2001:db8:abcd:ff:1:2:3:4 -> host1 198.51.100.1 2001:db8:abcd:ff:1:2:3:4",
	  .http = "interface_id = host1.dyn.example 0:0:0:ff:1:2:3:4\n" },
	{ "an identifier that leaves nothing", H1 "myipv6=2001:db8:abcd::/64",
	  "good 2001:db8:abcd::a -> host1 198.51.100.1 2001:db8:abcd::a",
	  .http = "interface_id = host1.dyn.example 0:0:0:ff::\n" },
	{ "an address that leaves nothing", H1 "myipv6=2001:db8:abcd::/64", "dnserr",
	  .now = "host1.dyn.example 2001:db8:1:2::\n" },
	{ "one of two that leaves nothing", H1 "myipv6=2001:db8:abcd::/64",
	  "good 2001:db8:abcd::1 -> host1 2001:db8:abcd::1",
	  .now = "host1.dyn.example 2001:db8:1:2:: 2001:db8:1:2::1\n" },
	{ "link-local", H1 "myipv6=fe80::/64", "dnserr" },
	{ "outside of networks", H1 "myipv6=2001:db8:abcd::/64", "dnserr",
	  .daemon = "networks = !2001:db8:abcd::/48" },
	{ "beside an address, with an identifier", H1 "myipv6=2001:db8::10,2001:db8:abcd::/64",
	  "good 2001:db8::10,2001:db8:abcd:0:1:2:3:4 -> "
	  "host1 198.51.100.1 2001:db8::10 2001:db8:abcd:0:1:2:3:4",
	  .http = ID },
	{ "beside an address, without one", H1 "myipv6=2001:db8::10,2001:db8:abcd::/64",
	  "good 2001:db8::10 -> host1 198.51.100.1 2001:db8::10" },

	/* the prefix of the network */
	{ "what the host has", H1 "ip6lanprefix=2001:db8:abcd:1200::/64",
	  "good 2001:db8:abcd:1200::a -> host1 198.51.100.1 2001:db8:abcd:1200::a" },
	{ "other hosts with identifiers", H1 "ip6lanprefix=2001:db8:abcd:1200::/64",
	  "good 2001:db8:abcd:1200::a -> host1 198.51.100.1 2001:db8:abcd:1200::a; "
	  "host2 198.51.100.2 2001:db8:abcd:1200:5:6:7:8",
	  .http = ID2 },
	{ "an address and a prefix",
	  H1 "myip=192.0.2.10,2001:db8::10&ip6lanprefix=2001:db8:abcd:1200::/64",
	  "good 192.0.2.10,2001:db8::10 -> host1 192.0.2.10 2001:db8::10; "
	  "host2 198.51.100.2 2001:db8:abcd:1200:5:6:7:8",
	  .http = ID ID2 },
	{ "only v4 and a prefix", H1 "myip=192.0.2.10&ip6lanprefix=2001:db8:abcd:1200::/64",
	  "good 192.0.2.10,2001:db8:abcd:1200::a -> host1 192.0.2.10 2001:db8:abcd:1200::a" },
	{ "a named host without anything",
	  U "hostname=host2.dyn.example&ip6lanprefix=2001:db8:abcd::/64", "dnserr" },
	{ "another host without anything", H1 "ip6lanprefix=2001:db8:abcd:1200::/64",
	  "good 2001:db8:abcd:1200:1:2:3:4 -> host1 198.51.100.1 2001:db8:abcd:1200:1:2:3:4",
	  .http = ID },
	{ "others that the secret is not for", H1 "ip6lanprefix=2001:db8:abcd:1200::/64",
	  "good 2001:db8:abcd:1200::a -> host1 198.51.100.1 2001:db8:abcd:1200::a", .http = ID2,
	  .allowed = "10" },
	{ "only the others change",
	  H1 "myipv4=198.51.100.1&myipv6=" V6 "&ip6lanprefix=2001:db8:abcd:1200::/64",
	  "nochg 198.51.100.1," V6 " -> host2 198.51.100.2 2001:db8:abcd:1200:5:6:7:8",
	  .http = ID2 },
	{ "a host that is not his",
	  U "hostname=host9.dyn.example&ip6lanprefix=2001:db8:abcd::/64", "nohost",
	  .http = ID ID2 },
	{ "no host", U "ip6lanprefix=2001:db8:abcd::/64", "notfqdn", .http = ID ID2 },
	{ "a bad address refuses the others too", H1 "myip=x&ip6lanprefix=2001:db8:abcd::/64",
	  "dnserr", .http = ID2 },
	{ "a deletion leaves the others",
	  "/nic/delete?hostname=host1.dyn.example"
	  "&ip6lanprefix=2001:db8:abcd::/64",
	  "deleted AAAA -> host1 198.51.100.1", .http = ID2 },
	{ "of zeros", H1 "ip6lanprefix=::/64", "dnserr", .http = ID ID2 },
	{ "an empty one", H1 "myip=192.0.2.10&ip6lanprefix=",
	  "good 192.0.2.10 -> host1 192.0.2.10 " V6, .http = ID ID2 },
	{ "the peer's", H1 "ip6prefix=auto",
	  "good 2001:db8:abcd:1:1:2:3:4 -> host1 198.51.100.1 2001:db8:abcd:1:1:2:3:4",
	  .peer = "2001:db8:abcd:1::99", .http = ID },
	{ "the peer's, which is of v4", H1 "ip6prefix=auto", "dnserr", .http = ID ID2 },
	{ "the peer's, which is link-local", H1 "ip6prefix=auto", "dnserr", .peer = "fe80::99",
	  .http = ID ID2 },
	{ "dynv6",
	  "/api/update?hostname=host1.dyn.example&token=T&ipv4=192.0.2.10"
	  "&ipv6prefix=2001:db8:abcd:1200::/64",
	  "good 192.0.2.10,2001:db8:abcd:1200::a -> host1 192.0.2.10 2001:db8:abcd:1200::a" },
};

static void show_host(struct buf *b, const struct update_host *h)
{
	static const char *const words[] = {
		[UPDATE_GOOD] = "good",	      [UPDATE_NOCHG] = "nochg",
		[UPDATE_DELETED] = "deleted", [UPDATE_NOHOST] = "nohost",
		[UPDATE_NOTFQDN] = "notfqdn", [UPDATE_DNSERR] = "dnserr",
	};
	char text[IP_TEXT_SIZE];

	buf_printf(b, "%s%s", words[h->outcome], h->dummy ? "(dummy)" : "");
	buf_printf(b, "%s%s", h->v4 && h->outcome == UPDATE_DELETED ? " A" : "",
		   h->v6 && h->outcome == UPDATE_DELETED ? " AAAA" : "");
	for (size_t i = 0; i < h->n_echo; i++) {
		(void)ip_print(h->echo[i].bytes, h->echo[i].n, text);
		buf_printf(b, "%s%s", i ? "," : " ", text);
	}
	if (h->outcome == UPDATE_DNSERR) /* the log wants to tell */
		assert_non_null(h->why);
}

/* Names without what most of them end in. */
static void show_changes(struct buf *b, const struct exchange *x)
{
	bool any = false;

	for (size_t i = 0; i < x->n_names; i++) {
		const char *name = x->names[i];

		if (ip_set_equal(x->update.sets[i], x->now[i]))
			continue;
		buf_adds(b, any ? "; " : " -> ");
		any = true;
		buf_add(b, name,
			(size_t)(strstr(name, strstr(name, ".dyn.") ? ".dyn." : ".example") -
				 name));
		buf_adds(b, x->update.sets[i] ? " " : "");
		ip_set_print(b, x->update.sets[i], " ");
	}
	assert_int_equal(x->update.changed, any);
}

static void check_update(void **state)
{
	const struct exchange_row *row = *state;
	struct buf b = { 0 };
	struct exchange x;

	exchange_init(&x, row);
	for (size_t i = 0; i < x.update.n_hosts; i++) {
		buf_adds(&b, i ? "; " : "");
		show_host(&b, &x.update.hosts[i]);
	}
	show_changes(&b, &x);
	assert_string_equal(buf_str(&b), row->want);
	buf_deinit(&b);
	exchange_deinit(&x);
}

int main(void)
{
	return ROWS_RUN(rows, check_update) != 0;
}
