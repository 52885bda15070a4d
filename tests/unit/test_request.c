/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* What a router's request asks for. want names the dialect and all that is not as in an empty
 * request: user= password= token= hosts= v4= v6= lan= bad=, and the words peer, verbose, many. A family
 * is keep, remove or set, with "peer", addresses and prefix behind a colon. */

#include "core/request.h"
#include "rows.h"

#include <stdio.h>

#define U "/nic/update?"

static const struct parse_row {
	const char *name;
	const char *target;
	const char *want;
	const char *form, *authorization;
} parsed[] = {
	/* paths and their dialects */
	{ "dyndns2", U "hostname=host1.dyn.example&myip=192.0.2.10",
	  "dyndns2 hosts=host1.dyn.example v4=set:192.0.2.10" },
	{ "dyn.com's version 3", "/v3/update?myip=192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "any path", "/cgi-bin/../x.php?myip=192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "the root", "/?myip=192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "no path", "?myip=192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "no query", "/nic/update", "dyndns2 peer" },
	{ "an empty query", U, "dyndns2 peer" },
	{ "an empty target", "", "dyndns2 peer" },
	{ "only blanks", " \t ", "dyndns2 peer" },
	{ "two slashes", "//nic/update?myip=192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "two slashes of another dialect", "//nic//dyndns?myip=192.0.2.10",
	  "dyndns1 v4=set:192.0.2.10" },
	{ "an encoded path", "/n%69c/%64yndns?myip=192.0.2.10", "dyndns1 v4=set:192.0.2.10" },
	{ "an encoded question mark", "/nic/update%3Fmyip=192.0.2.10", "dyndns2 peer" },
	{ "a second question mark", U "myip=192.0.2.10?x", "dyndns2 bad=192.0.2.10?x" },
	{ "absolute form", "http://ddns.test:8053/nic/update?myip=192.0.2.10",
	  "dyndns2 v4=set:192.0.2.10" },
	{ "absolute form of another dialect", "HTTPS://ddns.test/myip", "checkip peer" },
	{ "absolute form without a path", "http://ddns.test?myip=192.0.2.10",
	  "dyndns2 v4=set:192.0.2.10" },
	{ "absolute form, nothing more", "http://ddns.test", "dyndns2 peer" },
	{ "an URL in the query", U "url=http://a.test/myip&myip=192.0.2.10",
	  "dyndns2 v4=set:192.0.2.10" },
	{ "an URL in the query, no path", "?url=http://a.test/myip&myip=192.0.2.10",
	  "dyndns2 v4=set:192.0.2.10" },
	{ "blanks around", " " U "myip=192.0.2.10\t", "dyndns2 v4=set:192.0.2.10" },
	{ "dyndns1", "/nic/dyndns?action=edit&started=1&hostname=YES&host_id=host1.dyn.example",
	  "dyndns1 hosts=host1.dyn.example peer" },
	{ "hostname=YES in lower case", "/nic/dyndns?hostname=yes&host_id=host1.dyn.example",
	  "dyndns1 hosts=host1.dyn.example peer" },
	{ "checkip", "/myip", "checkip peer" },
	{ "checkip, a slash behind", "/myip/", "checkip peer" },
	{ "not quite checkip", "/myip2", "dyndns2 peer" },
	{ "delete", "/nic/delete?hostname=host1.dyn.example",
	  "nsupdate.info hosts=host1.dyn.example peer" },
	{ "DuckDNS", "/update?domains=host1,host2&token=TOKEN&ip=192.0.2.10&verbose=true",
	  "duckdns token=TOKEN hosts=host1,host2 v4=set:192.0.2.10 verbose" },
	{ "DuckDNS, DOMAINS", "/update?DOMAINS=host1&token=TOKEN",
	  "duckdns token=TOKEN hosts=host1 peer" },
	{ "DuckDNS in a form", "/update", "duckdns token=TOKEN hosts=host1 peer",
	  .form = "domains=host1&token=TOKEN" },
	{ "DuckDNS, clear", "/update?domains=host1&token=TOKEN&clear=true",
	  "duckdns token=TOKEN hosts=host1 v4=remove v6=remove" },
	{ "DuckDNS, clear=false", "/update?domains=host1&token=TOKEN&clear=false",
	  "duckdns token=TOKEN hosts=host1 peer" },
	{ "DuckDNS, empty ip",
	  "/update?domains=host1&token=TOKEN&ip=", "duckdns token=TOKEN hosts=host1 peer" },
	{ "deSEC at DuckDNS's path", "/update?hostname=host1.dyn.example&domain=x",
	  "dyndns2 hosts=host1.dyn.example,x peer" },
	{ "dynv6", "/api/update?hostname=host1.dyn.example&token=TOKEN&ipv4=auto&ipv6=auto",
	  "dynv6 token=TOKEN hosts=host1.dyn.example v4=set:peer v6=set:peer" },
	{ "dynv6, a prefix",
	  "/api/update?hostname=host1.dyn.example&token=TOKEN&ipv4=192.0.2.10"
	  "&ipv6prefix=2001:db8:abcd:1200::/64",
	  "dynv6 token=TOKEN hosts=host1.dyn.example v4=set:192.0.2.10 "
	  "lan=2001:db8:abcd:1200::/64" },
	{ "dynv6, its prefix", "/api/update?token=TOKEN&ipv6prefix=auto",
	  "dynv6 token=TOKEN lan=peer/64" },
	{ "dynv6's path without a token", "/api/update?hostname=host1.dyn.example",
	  "dyndns2 hosts=host1.dyn.example peer" },
	{ "FreeDNS", "/dynamic/update.php?TOKEN&address=192.0.2.10",
	  "freedns token=TOKEN v4=set:192.0.2.10" },
	{ "FreeDNS, a token with a dot", "/dynamic/update.php?TO.KEN",
	  "freedns token=TO.KEN peer" },
	{ "FreeDNS, an encoded token", "/dynamic/update.php?T%3d%3D",
	  "freedns token=T== peer" },
	{ "FreeDNS 2", "/u/TOKEN/?address=192.0.2.10",
	  "freedns 2 token=TOKEN v4=set:192.0.2.10" },
	{ "FreeDNS 2, no slash behind", "/u/TOKEN", "freedns 2 token=TOKEN peer" },
	{ "FreeDNS 2, more path", "/u/TOKEN/x/y", "freedns 2 token=TOKEN peer" },
	{ "FreeDNS 2, two tokens", "/u/TOKEN/?token=OTHER", "freedns 2 token=TOKEN peer" },
	{ "FreeDNS 2 without a token", "/u/", "dyndns2 peer" },

	/* items */
	{ "an & at the end", U "myip=192.0.2.10&", "dyndns2 v4=set:192.0.2.10" },
	{ "many &", U "&&myip=192.0.2.10&&&hostname=a.test",
	  "dyndns2 hosts=a.test v4=set:192.0.2.10" },
	{ "a host without its key", U "host1.dyn.example",
	  "dyndns2 hosts=host1.dyn.example peer" },
	{ "two without keys", U "a.test&b.test", "dyndns2 hosts=a.test,b.test peer" },
	{ "a word without a key", U "debug&myip=192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "an item without a name", U "=192.0.2.10", "dyndns2 peer" },
	{ "upper case", U "HOSTNAME=Host1.DYN.example&MyIP=192.0.2.10",
	  "dyndns2 hosts=Host1.DYN.example v4=set:192.0.2.10" },
	{ "a name in percent", U "m%79ip=192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "unknown names",
	  U "system=dyndns&wildcard=ON&mx=&backmx=NO&url=x&static=1&dual=1&myip=192.0.2.10",
	  "dyndns2 v4=set:192.0.2.10" },
	{ "a name that only begins so", U "myipx=192.0.2.10&xmyip=192.0.2.11", "dyndns2 peer" },
	{ "%2c and %2C", U "hostname=a.test%2cb.test%2Cc.test",
	  "dyndns2 hosts=a.test,b.test,c.test peer" },
	{ "%3a and %3A", U "myip=2001%3adb8%3A%3A10", "dyndns2 v6=set:2001:db8::10" },
	{ "%40", U "username=bob%40example.org&password=p%40ss%3aw%2frd%261",
	  "dyndns2 user=bob@example.org password=p@ss:w/rd&1 peer" },
	{ "a percent sign alone", U "username=alice&password=100%&myip=192.0.2.10",
	  "dyndns2 user=alice password=100% v4=set:192.0.2.10" },
	{ "no hexadecimal digits", U "username=alice&password=%zz%4%4g",
	  "dyndns2 user=alice password=%zz%4%4g peer" },
	{ "a percent sign, encoded", U "username=alice&password=%2541",
	  "dyndns2 user=alice password=%41 peer" },
	{ "%00", U "username=alice&password=a%00b",
	  "dyndns2 user=alice password=a\\x00b peer" },
	{ "+", U "username=my+name&password=a+b", "dyndns2 user=my name password=a b peer" },
	{ "+ encoded", U "username=alice&password=a%2bb",
	  "dyndns2 user=alice password=a+b peer" },
	{ "= in a value",
	  U "username=alice&password=a=b=", "dyndns2 user=alice password=a=b= peer" },
	{ "a raw blank", U "hostname=host1.dyn.example&myip=192.0.2.10&who=my router",
	  "dyndns2 hosts=host1.dyn.example v4=set:192.0.2.10" },
	{ "raw blanks in lists", U "hostname=a.test, b.test&myip=192.0.2.10, 2001:db8::10 ",
	  "dyndns2 hosts=a.test,b.test v4=set:192.0.2.10 v6=set:2001:db8::10" },
	{ "bytes beyond ASCII", U "hostname=\xc3\xa4.test",
	  "dyndns2 hosts=\\xc3\\xa4.test peer" },
	{ "a form", "/nic/update",
	  "dyndns2 password=s3cret hosts=host1.dyn.example v4=set:192.0.2.10",
	  .form = "hostname=host1.dyn.example&password=s3cret&myip=192.0.2.10" },
	{ "a form beside a query", U "hostname=a.test",
	  "dyndns2 hosts=a.test,b.test v4=set:192.0.2.10",
	  .form = "hostname=b.test&myip=192.0.2.10" },
	{ "the deSEC hack", U "hostname=host1.dyn.example&myipv6=preserve&myip=192.0.2.10",
	  "dyndns2 hosts=host1.dyn.example v4=set:192.0.2.10 v6=keep" },

	/* hosts */
	{ "host=", U "host=a.test", "dyndns2 hosts=a.test peer" },
	{ "hostnames=", U "hostnames=a.test,b.test", "dyndns2 hosts=a.test,b.test peer" },
	{ "domain=", U "domain=a.test", "dyndns2 hosts=a.test peer" },
	{ "domains=, elsewhere", U "domains=a.test", "dyndns2 hosts=a.test peer" },
	{ "host_id=", U "host_id=a.test", "dyndns2 hosts=a.test peer" },
	{ "empty items", U "hostname=,a.test,, ,b.test,", "dyndns2 hosts=a.test,b.test peer" },
	{ "an empty host", U "hostname=", "dyndns2 peer" },
	{ "the same host twice", U "hostname=a.test,a.test",
	  "dyndns2 hosts=a.test,a.test peer" },

	/* spellings of addresses */
	{ "ip=", U "ip=192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "address=", U "address=192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "addr=", U "addr=192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "ipaddr=", U "ipaddr=192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "myipv4=", U "myipv4=192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "ipv4=", U "ipv4=192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "ip4=", U "ip4=192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "myip4=", U "myip4=192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "myipv6=", U "myipv6=2001:db8::10", "dyndns2 v6=set:2001:db8::10" },
	{ "ipv6=", U "ipv6=2001:db8::10", "dyndns2 v6=set:2001:db8::10" },
	{ "ip6=", U "ip6=2001:db8::10", "dyndns2 v6=set:2001:db8::10" },
	{ "myip6=", U "myip6=2001:db8::10", "dyndns2 v6=set:2001:db8::10" },
	{ "ip6addr=", U "ip6addr=2001:db8::10", "dyndns2 v6=set:2001:db8::10" },

	/* addresses */
	{ "v6 in myip", U "myip=2001:db8::10", "dyndns2 v6=set:2001:db8::10" },
	{ "v6, expanded and in upper case", U "myip=2001:0DB8:0000:0000:0000:0000:0000:0010",
	  "dyndns2 v6=set:2001:db8::10" },
	{ "both in myip", U "myip=192.0.2.10,2001:db8::10",
	  "dyndns2 v4=set:192.0.2.10 v6=set:2001:db8::10" },
	{ "both in myip, v6 first", U "myip=2001:db8::10,192.0.2.10",
	  "dyndns2 v4=set:192.0.2.10 v6=set:2001:db8::10" },
	{ "several", U "myip=192.0.2.11,192.0.2.10", "dyndns2 v4=set:192.0.2.11,192.0.2.10" },
	{ "several parameters", U "myip=192.0.2.11&ip=192.0.2.10",
	  "dyndns2 v4=set:192.0.2.11,192.0.2.10" },
	{ "an empty item", U "myip=192.0.2.10,", "dyndns2 v4=set:192.0.2.10" },
	{ "No-IP", U "myip=192.0.2.10&myipv6=2001:db8::10",
	  "dyndns2 v4=set:192.0.2.10 v6=set:2001:db8::10" },
	{ "myip and myipv4", U "myip=192.0.2.11&myipv4=192.0.2.10&myipv6=preserve",
	  "dyndns2 v4=set:192.0.2.10 v6=keep" },
	{ "myipv6 goes before myip", U "myip=192.0.2.10,2001:db8::11&myipv6=2001:db8::10",
	  "dyndns2 v4=set:192.0.2.10 v6=set:2001:db8::10" },
	{ "v4-mapped", U "myip=::ffff:192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "v4-mapped, /128", U "myip=::ffff:192.0.2.10/128", "dyndns2 v4=set:192.0.2.10" },
	{ "v4-mapped, /120", U "myip=::ffff:192.0.2.0/120", "dyndns2 v4=set:192.0.2.0/24" },
	{ "v4-mapped, /95", U "myip=::ffff:192.0.2.0/95",
	  "dyndns2 v6=set:::ffff:192.0.2.0/95" },
	{ "v4-mapped, in its other spelling", U "myip=::ffff:c000:20a",
	  "dyndns2 v4=set:192.0.2.10" },
	{ "v4-mapped in myipv4", U "myipv4=::ffff:192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "v4-mapped in myipv6", U "myipv6=::ffff:192.0.2.10",
	  "dyndns2 bad=::ffff:192.0.2.10" },
	{ "v6 in myipv4", U "myipv4=2001:db8::10", "dyndns2 bad=2001:db8::10" },
	{ "v4 in myipv6", U "myipv6=192.0.2.10", "dyndns2 bad=192.0.2.10" },
	{ "a placeholder", U "myip=<ipaddr>", "dyndns2 bad=<ipaddr>" },
	{ "the first of two that are none", U "myip=x&myip=y", "dyndns2 bad=x" },
	{ "a bad one beside a good one", U "myip=192.0.2.10,192.0.2.256",
	  "dyndns2 v4=set:192.0.2.10 bad=192.0.2.256" },
	{ "a leading zero", U "myip=192.0.2.010", "dyndns2 bad=192.0.2.010" },
	{ "brackets", U "myip=[2001:db8::10]", "dyndns2 bad=[2001:db8::10]" },
	{ "a zone", U "myip=fe80::1%25eth0", "dyndns2 bad=fe80::1%eth0" },
	{ "a port", U "myip=192.0.2.10:80", "dyndns2 bad=192.0.2.10:80" },
	{ "a NUL behind it", U "myip=192.0.2.10%00", "dyndns2 bad=192.0.2.10\\x00" },

	/* prefixes */
	{ "/56", U "myip=192.0.2.10,2001:db8:abcd:1200::/56",
	  "dyndns2 v4=set:192.0.2.10 v6=set:2001:db8:abcd:1200::/56" },
	{ "/128", U "myip=2001:db8::10/128", "dyndns2 v6=set:2001:db8::10" },
	{ "/127", U "myip=2001:db8::10/127", "dyndns2 v6=set:2001:db8::10/127" },
	{ "/129", U "myip=2001:db8::10/129", "dyndns2 bad=2001:db8::10/129" },
	{ "/32", U "myip=192.0.2.10/32", "dyndns2 v4=set:192.0.2.10" },
	{ "/31", U "myip=192.0.2.10/31", "dyndns2 v4=set:192.0.2.10/31" },
	{ "/33", U "myip=192.0.2.10/33", "dyndns2 bad=192.0.2.10/33" },
	{ "/3 is the shortest here", U "myip=2001:db8::10/3", "dyndns2 v6=set:2001:db8::10/3" },
	{ "only zeros before it", U "myip=2001:db8::10/2", "dyndns2 bad=2001:db8::10/2" },
	{ "/0", U "myip=2001:db8::10/0", "dyndns2 bad=2001:db8::10/0" },
	{ "::/64", U "myipv6=::/64", "dyndns2 bad=::/64" },
	{ "0.0.0.0/0", U "myip=0.0.0.0/0", "dyndns2 bad=0.0.0.0/0" },
	{ "/064", U "myip=2001:db8::10/064", "dyndns2 v6=set:2001:db8::10/64" },
	{ "four digits", U "myip=2001:db8::10/0064", "dyndns2 bad=2001:db8::10/0064" },
	{ "no digits", U "myip=2001:db8::10/", "dyndns2 bad=2001:db8::10/" },
	{ "more than digits", U "myip=2001:db8::10/64x", "dyndns2 bad=2001:db8::10/64x" },
	{ "a negative one", U "myip=2001:db8::10/-1", "dyndns2 bad=2001:db8::10/-1" },
	{ "a prefix beside an address", U "myip=2001:db8::10,2001:db8:abcd::/48",
	  "dyndns2 v6=set:2001:db8::10,2001:db8:abcd::/48" },
	{ "a prefix twice", U "myip=2001:db8:abcd::/48,2001:db8:abcd::/48",
	  "dyndns2 v6=set:2001:db8:abcd::/48" },
	{ "two prefixes", U "myip=2001:db8:abcd::/48,2001:db8:abce::/48",
	  "dyndns2 v6=set:2001:db8:abce::/48 bad=2001:db8:abce::/48" },
	{ "two lengths", U "myip=2001:db8:abcd::/48,2001:db8:abcd::/56",
	  "dyndns2 v6=set:2001:db8:abcd::/56 bad=2001:db8:abcd::/56" },

	/* the prefix of the network behind the router */
	{ "ip6lanprefix", U "ip6lanprefix=2001:db8:abcd:1200::/56",
	  "dyndns2 lan=2001:db8:abcd:1200::/56" },
	{ "ip6prefix", U "ip6prefix=2001:db8:abcd:1200::/56",
	  "dyndns2 lan=2001:db8:abcd:1200::/56" },
	{ "ipprefix", U "ipprefix=2001:db8:abcd:1200::/56",
	  "dyndns2 lan=2001:db8:abcd:1200::/56" },
	{ "a prefix without its length",
	  U "ip6lanprefix=2001:db8:abcd:1200::", "dyndns2 lan=2001:db8:abcd:1200::/64" },
	{ "encoded", U "ip6lanprefix=2001%3Adb8%3Aabcd%3A1200%3A%3A%2F64",
	  "dyndns2 lan=2001:db8:abcd:1200::/64" },
	{ "beside addresses", U "myip=192.0.2.10,2001:db8::10&ip6lanprefix=2001:db8:abcd::/48",
	  "dyndns2 v4=set:192.0.2.10 v6=set:2001:db8::10 lan=2001:db8:abcd::/48" },
	{ "an empty prefix", U "ip6lanprefix=", "dyndns2 peer" },
	{ "an empty prefix beside an address",
	  U "myip=192.0.2.10&ip6lanprefix=", "dyndns2 v4=set:192.0.2.10" },
	{ "a prefix, preserve", U "ip6lanprefix=preserve", "dyndns2 peer" },
	{ "a prefix of v4", U "ip6lanprefix=192.0.2.0/24", "dyndns2 bad=192.0.2.0/24" },
	{ "a prefix of zeros", U "ip6lanprefix=::/64", "dyndns2 bad=::/64" },
	{ "a prefix of no bits", U "ip6lanprefix=2001:db8::/0", "dyndns2 bad=2001:db8::/0" },
	{ "a prefix that is none", U "ip6lanprefix=<ip6lanprefix>",
	  "dyndns2 bad=<ip6lanprefix>" },

	/* words */
	{ "preserve", U "myip=preserve", "dyndns2 v4=keep v6=keep" },
	{ "no", U "myip=no&myipv6=2001:db8::10", "dyndns2 v4=keep v6=set:2001:db8::10" },
	{ "NOCHG", U "myip=NOCHG", "dyndns2 v4=keep v6=keep" },
	{ "myipv4=preserve", U "myipv6=2001:db8::10&myipv4=preserve",
	  "dyndns2 v4=keep v6=set:2001:db8::10" },
	{ "No", U "myipv6=No", "dyndns2 v6=keep" },
	{ "auto", U "myip=auto", "dyndns2 v4=set:peer v6=set:peer" },
	{ "auto for v6", U "myipv6=AUTO", "dyndns2 v6=set:peer" },
	{ "auto beside an address", U "myipv4=auto,192.0.2.10",
	  "dyndns2 v4=set:peer,192.0.2.10" },
	{ "an address goes before preserve", U "myip=preserve,192.0.2.10",
	  "dyndns2 v4=set:192.0.2.10 v6=keep" },
	{ "another word", U "myip=none", "dyndns2 bad=none" },

	/* what removes, and what says nothing */
	{ "an empty myip", U "myip=", "dyndns2 peer" },
	{ "an empty ip", U "ip=", "dyndns2 peer" },
	{ "only commas", U "myip=,,", "dyndns2 peer" },
	{ "an empty myip beside a v6", U "myip=&myipv6=2001:db8::10",
	  "dyndns2 v6=set:2001:db8::10" },
	{ "an empty myipv4", U "myipv4=", "dyndns2 v4=remove" },
	{ "an empty myipv6", U "myipv6=&myip=192.0.2.10",
	  "dyndns2 v4=set:192.0.2.10 v6=remove" },
	{ "a myipv6 of blanks", U "myipv6=+,+", "dyndns2 v6=remove" },
	{ "both empty", U "myipv4=&myipv6=", "dyndns2 v4=remove v6=remove" },
	{ "an empty one beside one that is not", U "ipv6=&myipv6=2001:db8::10",
	  "dyndns2 v6=set:2001:db8::10" },
	{ "0.0.0.0", U "myip=0.0.0.0", "dyndns2 v4=remove" },
	{ "0.0.0.0/32", U "myip=0.0.0.0/32", "dyndns2 v4=remove" },
	{ "::", U "myip=192.0.2.10,::", "dyndns2 v4=set:192.0.2.10 v6=remove" },
	{ ":: in full", U "myipv6=0:0:0:0:0:0:0:0", "dyndns2 v6=remove" },
	{ "0.0.0.0 beside an address", U "myip=0.0.0.0,192.0.2.10",
	  "dyndns2 v4=set:192.0.2.10" },
	{ "offline", U "hostname=a.test&offline=YES",
	  "dyndns2 hosts=a.test v4=remove v6=remove" },
	{ "offline=yes", U "offline=yes", "dyndns2 v4=remove v6=remove" },
	{ "offline=1", U "offline=1", "dyndns2 v4=remove v6=remove" },
	{ "offline=NO", U "offline=NO&myip=192.0.2.10", "dyndns2 v4=set:192.0.2.10" },
	{ "an empty offline", U "offline=", "dyndns2 peer" },
	{ "offline before an address", U "offline=YES&myip=192.0.2.10",
	  "dyndns2 v4=remove v6=remove" },
	{ "offline behind an address", U "myip=192.0.2.10&myipv6=preserve&offline=YES",
	  "dyndns2 v4=remove v6=remove" },
	{ "offline beside a prefix", U "ip6lanprefix=2001:db8::/48&offline=YES",
	  "dyndns2 v4=remove v6=remove" },
	{ "offline beside what is none", U "myip=x&offline=YES",
	  "dyndns2 v4=remove v6=remove" },

	/* credentials in the query */
	{ "user and pass", U "user=alice&pass=s3cret",
	  "dyndns2 user=alice password=s3cret peer" },
	{ "login and passwd", U "login=alice&passwd=s3cret",
	  "dyndns2 user=alice password=s3cret peer" },
	{ "pwd and pw: the first", U "user=alice&pwd=one&pw=two",
	  "dyndns2 user=alice password=one peer" },
	{ "an empty one does not count", U "user=&username=alice&password=s3cret",
	  "dyndns2 user=alice password=s3cret peer" },
	{ "HE: a host and its password", U "hostname=host1.dyn.example&password=s3cret",
	  "dyndns2 password=s3cret hosts=host1.dyn.example peer" },
	{ "a password alone is a token", U "password=s3cret",
	  "dyndns2 password=s3cret token=s3cret peer" },
	{ "key=", U "key=TOKEN&host=a.test", "dyndns2 token=TOKEN hosts=a.test peer" },
	{ "apikey=", U "apikey=TOKEN", "dyndns2 token=TOKEN peer" },
	{ "blanks around a token", U "token=+TOKEN%20", "dyndns2 token=TOKEN peer" },

	/* the header */
	{ "Basic", U, "dyndns2 user=alice password=s3cret peer",
	  .authorization = "Basic YWxpY2U6czNjcmV0" },
	{ "basic", U, "dyndns2 user=alice password=s3cret peer",
	  .authorization = "basic YWxpY2U6czNjcmV0" },
	{ "BASIC and blanks", U, "dyndns2 user=alice password=s3cret peer",
	  .authorization = " \tBASIC   YWxpY2U6czNjcmV0 \t " },
	{ "one byte in the last group", U, "dyndns2 user=alice password=s3cr peer",
	  .authorization = "Basic YWxpY2U6czNjcg==" },
	{ "two bytes in the last group", U, "dyndns2 user=alice password=s3cre peer",
	  .authorization = "Basic YWxpY2U6czNjcmU=" },
	{ "not padded", U, "dyndns2 user=alice password=s3cr peer",
	  .authorization = "Basic YWxpY2U6czNjcg" },
	{ "padded by one of two", U, "dyndns2 user=alice password=s3cr peer",
	  .authorization = "Basic YWxpY2U6czNjcg=" },
	{ "any byte", U, "dyndns2 user=a password=\\xfb\\xff\\xfe peer",
	  .authorization = "Basic YTr7//4=" },
	{ "URL-safe", U, "dyndns2 user=a password=\\xfb\\xff\\xfe peer",
	  .authorization = "Basic YTr7__4" },
	{ "colons in the password", U, "dyndns2 user=bob@example.org password=p@ss:w/rd&1 peer",
	  .authorization = "Basic Ym9iQGV4YW1wbGUub3JnOnBAc3M6dy9yZCYx" },
	{ "a NUL in the password", U, "dyndns2 user=a password=b\\x00c peer",
	  .authorization = "Basic YTpiAGM=" },
	{ "a NUL in the user", U, "dyndns2 user=al\\x00ice password=x peer",
	  .authorization = "Basic YWwAaWNlOng=" },
	{ "percent signs are what they are", U, "dyndns2 user=a%20 password=b%41 peer",
	  .authorization = "Basic YSUyMDpiJTQx" },
	{ "no password", U, "dyndns2 user=alice password= peer",
	  .authorization = "Basic YWxpY2U6" },
	{ "no user: a token", U, "dyndns2 password=s3cret token=s3cret peer",
	  .authorization = "Basic OnMzY3JldA==" },
	{ "no user, but a host", U "hostname=a.test",
	  "dyndns2 password=s3cret hosts=a.test peer", .authorization = "Basic OnMzY3JldA==" },
	{ "no user, but a token", U "token=TOKEN", "dyndns2 password=s3cret token=TOKEN peer",
	  .authorization = "Basic OnMzY3JldA==" },
	{ "no colon", U, "dyndns2 peer", .authorization = "Basic YWxpY2U=" },
	{ "nothing behind Basic", U, "dyndns2 peer", .authorization = "Basic" },
	{ "only a blank behind Basic", U, "dyndns2 peer", .authorization = "Basic " },
	{ "only padding", U, "dyndns2 peer", .authorization = "Basic ====" },
	{ "not base64", U "username=alice&password=s3cret",
	  "dyndns2 user=alice password=s3cret peer", .authorization = "Basic YWx!Y2U6" },
	{ "padding within", U, "dyndns2 peer", .authorization = "Basic YWx=pY2U6" },
	{ "another scheme", U, "dyndns2 peer", .authorization = "Digest YWxpY2U6czNjcmV0" },
	{ "the header goes before the query", U "user=bob&password=other",
	  "dyndns2 user=alice password=s3cret peer",
	  .authorization = "Basic YWxpY2U6czNjcmV0" },
	{ "Token", U, "dyndns2 token=TOKEN peer", .authorization = "Token TOKEN" },
	{ "Bearer", U, "dyndns2 token=TOKEN peer", .authorization = "bearer  TOKEN " },
	{ "Bearer as it is", U, "dyndns2 token=a%41+b peer", .authorization = "Bearer a%41+b" },
	{ "Token before the query's", U "token=OTHER", "dyndns2 token=TOKEN peer",
	  .authorization = "Token TOKEN" },
};

static void show_text(struct buf *b, const char *key, struct text t)
{
	if (!t.at)
		return;
	buf_printf(b, " %s=", key);
	buf_add_escaped(b, t.at, t.n, 256);
}

static void show_ip(struct buf *b, const char *before, const struct ip *ip)
{
	char text[IP_TEXT_SIZE];

	(void)ip_print(ip->bytes, ip->n, text);
	buf_printf(b, "%s%s", before, text);
}

static void show_family(struct buf *b, const char *key, const struct request_family *f)
{
	static const char *const wishes[] = { "", "keep", "remove", "set" };
	const char *separator = ":";

	if (!f->wish)
		return;
	buf_printf(b, " %s=%s", key, wishes[f->wish]);
	if (f->wish != WISH_SET)
		return;
	if (f->peer) {
		buf_printf(b, "%speer", separator);
		separator = ",";
	}
	for (unsigned i = 0; i < f->n; i++) {
		show_ip(b, separator, &f->ips[i]);
		separator = ",";
	}
	if (f->has_prefix) {
		show_ip(b, separator, &f->prefix);
		buf_printf(b, "/%u", f->prefix_bits);
	}
}

static void show(struct buf *b, const struct request *r)
{
	buf_adds(b, r->dialect->name);
	show_text(b, "user", r->user);
	show_text(b, "password", r->password);
	show_text(b, "token", r->token);
	for (unsigned i = 0; i < r->n_hosts; i++) {
		buf_adds(b, i ? "," : " hosts=");
		buf_add_escaped(b, r->hosts[i].at, r->hosts[i].n, 256);
	}
	buf_adds(b, r->too_many_hosts ? " many" : "");
	show_family(b, "v4", &r->v4);
	show_family(b, "v6", &r->v6);
	if (r->has_lan_prefix) {
		buf_adds(b, " lan=");
		if (r->lan_prefix_peer)
			buf_adds(b, "peer");
		else
			show_ip(b, "", &r->lan_prefix);
		buf_printf(b, "/%u", r->lan_prefix_bits);
	}
	buf_adds(b, r->use_peer ? " peer" : "");
	buf_adds(b, r->verbose ? " verbose" : "");
	show_text(b, "bad", r->bad);
}

static void check_parsed(void **state)
{
	const struct parse_row *row = *state;
	struct request_input in = { .target = EXACT_TEXT(row->target),
				    .form = EXACT_TEXT(row->form),
				    .authorization = EXACT_TEXT(row->authorization) };
	struct buf b = { 0 };
	struct request r;

	assert_int_equal(request_parse(&in, &r), 0);
	free((char *)in.target.at); /* what it says is its own */
	free((char *)in.form.at);
	free((char *)in.authorization.at);
	show(&b, &r);
	assert_string_equal(buf_str(&b), row->want);
	buf_deinit(&b);
	request_deinit(&r);
}

static void nothing_at_all(void **state)
{
	struct request_input in = { 0 };
	struct request r;

	(void)state;
	assert_int_equal(request_parse(&in, &r), 0);
	assert_true(r.use_peer);
	request_deinit(&r);
	request_deinit(&r);
}

/* A list of n items behind the key, each with its number in the middle. */
static void parse_list(const char *key, const char *before, const char *behind, int n,
		       struct request *ret)
{
	struct request_input in = { 0 };
	struct buf b = { 0 };

	buf_printf(&b, U "%s=", key);
	for (int i = 1; i <= n; i++)
		buf_printf(&b, "%s%d%s,", before, i, behind);
	in.target = (struct text){ b.data, b.len };
	assert_int_equal(request_parse(&in, ret), 0);
	buf_deinit(&b);
}

static void hosts_max(void **state)
{
	struct request r;

	(void)state;
	parse_list("hostname", "h", ".test", 20, &r);
	assert_int_equal(r.n_hosts, 20);
	assert_false(r.too_many_hosts);
	request_deinit(&r);
	parse_list("hostname", "h", ".test", 21, &r);
	assert_int_equal(r.n_hosts, 20);
	assert_true(r.too_many_hosts);
	request_deinit(&r);
}

static void addresses_max(void **state)
{
	static const struct {
		const char *before;
		size_t at;
	} families[] = { { "192.0.2.", offsetof(struct request, v4) },
			 { "2001:db8::", offsetof(struct request, v6) } };
	struct request r;

	(void)state;
	for (size_t i = 0; i < N_OF(families); i++) {
		const struct request_family *f = (void *)((char *)&r + families[i].at);

		parse_list("myip", families[i].before, "", 64, &r);
		assert_int_equal(f->n, 64);
		assert_null(r.bad.at);
		request_deinit(&r);
		parse_list("myip", families[i].before, "", 65, &r);
		assert_int_equal(f->n, 64);
		assert_non_null(r.bad.at);
		request_deinit(&r);
	}
}

int main(void)
{
	static const struct CMUnitTest limits[] = {
		cmocka_unit_test(nothing_at_all),
		cmocka_unit_test(hosts_max),
		cmocka_unit_test(addresses_max),
	};
	int failed = cmocka_run_group_tests(limits, NULL, NULL);

	failed += ROWS_RUN(parsed, check_parsed);
	return failed != 0;
}
