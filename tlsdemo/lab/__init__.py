"""The lab: a TLS server for each mistake of a client, and a tester for any client. EDGE.

catalogue                   all cases of the lab, and the lookup by id or alias
case                        what a case is, how it is declared, and how it is opened
certificate_cases           the test certificates of `pki.cases`
revocation_cases            certificates that are revoked, with CRLs and OCSP over HTTP
revocation_sources          what is published about a certificate, and where
protocol_cases              old versions, weak suites, no TLS at all
misbehaving_cases           servers that violate TLS 1.3
deviation                   what such a server does otherwise
downgraded                  a TLS 1.2 server that says that it supports TLS 1.3
misbehaving                 the server of these cases, on a connection
client_certificate_cases    servers that ask for a client certificate
presented                   a certificate on a port
ca                          the CA of one lab
client_credentials          certificates of clients
dh_groups                   Diffie-Hellman groups
server                      all ports, and the log of visits
context                     TLS contexts with weak versions, suites and keys
conversation                one connection, from ClientHello to close
visit                       what happened on one connection
lifecycle                   opens and closes a lab
local                       a lab in this process, for tests
folder                      its temporary folder
tester                      runs a client against the cases
client                      the client's command
presets                     commands of well-known clients
peers                       which missing protections a peer notices
process                     runs a program, and ends what it started
judge                       from visits to a verdict
"""
