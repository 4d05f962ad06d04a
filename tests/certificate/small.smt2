; claim: what the firewall lets through, the list permits
; list: tests/certificate/small.egress
; at: 2090-01-01T00:00:00Z
; rules: policy egress with its parents, as in
;   policy.json
;   routes.json
;
; Decide it with `z3 FILE`. `unsat`: there is no flow, and no assignment of what is not
; known, of which the claim does not hold. `sat`: there is one, and the last line shows it
; once it is no comment.
;
; A name is a vector of labels, the top-level label first; the numbers of labels are
; below. What nobody knows (contents of tags, answers of DNS servers, open readings of
; azure-firewall.md, section 10.4) is a constant with its words for a name.
;
; Not in it: routes and security groups, so what goes around the firewall; what nodes make
; of the addresses of their pods; that the firewall enforces this policy; sessions that
; live on; the addresses behind a name, which is what the client claims. Every name is
; taken to resolve. What can only stop a flow (threat intelligence, intrusion detection)
; or answer it (the firewall at its own addresses) is left aside: more leaves here.
(set-option :produce-models true)
(set-logic QF_BV)
(declare-const ipv6 Bool) ; the family of both ends; the constants of the other say nothing
(declare-const source (_ BitVec 32))
(declare-const source-v6 (_ BitVec 128))
(declare-const destination (_ BitVec 32))
(declare-const destination-v6 (_ BitVec 128))
(declare-const protocol (_ BitVec 8)) ; as IP numbers them: #x06 is TCP, #x11 UDP
(declare-const port (_ BitVec 16)) ; that it is sent to
; the first bytes: 0 none, 1 of no protocol that is known, 2 TLS, 3 HTTP, 4 SQL (TDS), 5 QUIC
(declare-const payload (_ BitVec 3))
; the host that they show: 0 none, 1 an address, 2 a name
(declare-const host (_ BitVec 2))
; whether the Host header of HTTP writes a port, and which
(declare-const writes-a-port Bool)
(declare-const host-port (_ BitVec 16))
(define-fun has-ports () Bool (or (= protocol #x06) (= protocol #x11)))
(define-fun is-silent () Bool (= payload #b000))
(define-fun is-tls () Bool (= payload #b010))
(define-fun is-http () Bool (= payload #b011))
(define-fun is-mssql () Bool (= payload #b100))
(define-fun is-quic () Bool (= payload #b101))
(define-fun shows-a-host () Bool (not (= host #b00)))
(define-fun shows-a-name () Bool (= host #b10))
; label #x0000 = archive
; label #x0001 = com
; label #x0002 = data
; label #x0003 = database
; label #x0004 = mcr
; label #x0005 = microsoft
; label #x0006 = net
; label #x0007 = ntp
; label #x0008 = sql-trips
; label #x0009 = ubuntu
; label #x000a = windows
; label #x000b = x, made up for all others
; how many labels the name has, and which, the top-level label first
(declare-const length (_ BitVec 16))
(declare-const label-1 (_ BitVec 16))
(declare-const label-2 (_ BitVec 16))
(declare-const label-3 (_ BitVec 16))
(declare-const label-4 (_ BitVec 16))
(declare-const label-5 (_ BitVec 16))
(define-fun is-a-name () Bool (and (and (bvule #x0001 length) (bvule length #x0005)) (bvule label-1 #x000b) (bvule label-2 #x000b) (bvule label-3 #x000b) (bvule label-4 #x000b) (bvule label-5 #x000b)))
(define-fun name-1 () Bool (and shows-a-name (= length #x0003) (= label-1 #x0001) (= label-2 #x0005) (= label-3 #x0004))) ; mcr.microsoft.com
(define-fun name-2 () Bool (and shows-a-name (bvule #x0005 length) (= label-1 #x0001) (= label-2 #x0005) (= label-3 #x0004) (= label-4 #x0002))) ; *.data.mcr.microsoft.com
(define-fun name-3 () Bool (and shows-a-name (= length #x0004) (= label-1 #x0006) (= label-2 #x000a) (= label-3 #x0003) (= label-4 #x0008))) ; sql-trips.database.windows.net
(define-fun name-4 () Bool (and shows-a-name (= length #x0003) (= label-1 #x0001) (= label-2 #x0009) (= label-3 #x0007))) ; ntp.ubuntu.com
(define-fun name-5 () Bool (and shows-a-name (bvule #x0003 length) (= label-1 #x0001) (= label-2 #x0009))) ; *.ubuntu.com
(define-fun name-6 () Bool (and shows-a-name (bvule #x0004 length) (= label-1 #x0001) (= label-2 #x0009) (= label-3 #x0000))) ; *.archive.ubuntu.com
(define-fun is-a-flow () Bool (and
  (bvule payload #b101)
  (bvule host #b10)
  is-a-name
  (or has-ports (= port #x0000))
  (or has-ports (bvule payload #b001))
  (=> (or is-tls is-http is-mssql) (= protocol #x06))
  (=> is-quic (= protocol #x11))
  (=> (bvule payload #b001) (not shows-a-host))
  (=> (not is-http) (not writes-a-port))
  (not (= protocol (ite ipv6 #x01 #x3a)))))
; what nobody knows; a fact is one for both sides
(declare-const |the destination in service tag servicebus.westeurope| Bool)
(declare-const |the destination in the firewall's answer for ntp.ubuntu.com| Bool)
(declare-const |the name in the infrastructure rules| Bool)
(declare-const |the other reading of host_without_port| Bool)
(declare-const |the other reading of proxy_ports_base| Bool)
(declare-const |the source was told the destination for ntp.ubuntu.com| Bool)
(define-fun is-possible () Bool true)
; what is asked about: flows from declared subnets, not for the platform
; 168.63.129.16, 169.254.0.0/16, 224.0.0.0/4, 255.255.255.255, 127.0.0.0/8, ff00::/8, fe80::/10, ::1
(define-fun destination-set-1 () Bool (or (and (not ipv6) (= destination #xa83f8110)) (and (not ipv6) (and (bvule #xa9fe0000 destination) (bvule destination #xa9feffff))) (and (not ipv6) (and (bvule #xe0000000 destination) (bvule destination #xefffffff))) (and (not ipv6) (= destination #xffffffff)) (and (not ipv6) (and (bvule #x7f000000 destination) (bvule destination #x7fffffff))) (and ipv6 (bvule #xff000000000000000000000000000000 destination-v6)) (and ipv6 (and (bvule #xfe800000000000000000000000000000 destination-v6) (bvule destination-v6 #xfebfffffffffffffffffffffffffffff))) (and ipv6 (= destination-v6 #x00000000000000000000000000000001))))
; 10.0.1.0/26, 10.1.0.0/22, 10.1.8.0/24
(define-fun source-set-2 () Bool (or (and (not ipv6) (and (bvule #x0a000100 source) (bvule source #x0a00013f))) (and (not ipv6) (and (bvule #x0a010000 source) (bvule source #x0a0103ff))) (and (not ipv6) (and (bvule #x0a010800 source) (bvule source #x0a0108ff)))))
(define-fun is-asked-about () Bool (and source-set-2 (not destination-set-1)))
; the list
; 10.1.0.0/22, 10.1.8.0/24
(define-fun source-set-3 () Bool (or (and (not ipv6) (and (bvule #x0a010000 source) (bvule source #x0a0103ff))) (and (not ipv6) (and (bvule #x0a010800 source) (bvule source #x0a0108ff)))))
; images
(define-fun permission-1 () Bool (and source-set-3 (and (and (and (= protocol #x06) (= port #x01bb)) (or is-tls is-silent)) (or name-1 name-2))))
; database
(define-fun permission-2 () Bool (and (and (not ipv6) (and (bvule #x0a010800 source) (bvule source #x0a0108ff))) (and (and (and (= protocol #x06) (= port #x0599)) (or is-mssql is-silent)) name-3)))
; clock
(define-fun permission-3 () Bool (and (and (not ipv6) (and (bvule #x0a010000 source) (bvule source #x0a0103ff))) (or (and (and (= protocol #x11) (= port #x007b)) (or (not shows-a-host) name-4) |the source was told the destination for ntp.ubuntu.com|) (and (and (= protocol #x11) (= port #x007b)) (or |the source was told the destination for ntp.ubuntu.com| |the destination in the firewall's answer for ntp.ubuntu.com|)))))
; 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, fc00::/7
(define-fun destination-set-4 () Bool (or (and (not ipv6) (and (bvule #x0a000000 destination) (bvule destination #x0affffff))) (and (not ipv6) (and (bvule #xac100000 destination) (bvule destination #xac1fffff))) (and (not ipv6) (and (bvule #xc0a80000 destination) (bvule destination #xc0a8ffff))) (and (not ipv6) (and (bvule #x64400000 destination) (bvule destination #x647fffff))) (and ipv6 (and (bvule #xfc000000000000000000000000000000 destination-v6) (bvule destination-v6 #xfdffffffffffffffffffffffffffffff)))))
; events
(define-fun permission-4 () Bool (and (and (not ipv6) (and (bvule #x0a010800 source) (bvule source #x0a0108ff))) (and (and (= protocol #x06) (= port #x1627)) (and (not destination-set-4) |the destination in service tag servicebus.westeurope|))))
; partner
(define-fun permission-5 () Bool (and (and (not ipv6) (and (bvule #x0a010800 source) (bvule source #x0a0108ff))) (and (and (= protocol #x06) (and (bvule #x20fb port) (bvule port #x20fc))) (and (not ipv6) (and (bvule #xcb007100 destination) (bvule destination #xcb00717f))))))
; updates
(define-fun permission-6 () Bool (and (and (not ipv6) (and (bvule #x0a010800 source) (bvule source #x0a0108ff))) (and (and (and (= protocol #x06) (= port #x0050)) (or is-http is-silent)) name-5)))
; mirrors, a deny
(define-fun deny-1 () Bool (and (and (not ipv6) (and (bvule #x0a010800 source) (bvule source #x0a0108ff))) (and (and (= protocol #x06) (= port #x0050)) (or is-http is-silent)) name-6))
(define-fun permits () Bool (and (or permission-1 permission-2 permission-3 permission-4 permission-5 permission-6) (not deny-1)))
; what the firewall does, by the templates
; egress/network/network-allow/clock, allows
(define-fun network-1 () Bool (and (and (not ipv6) (and (bvule #x0a010000 source) (bvule source #x0a0103ff))) |the destination in the firewall's answer for ntp.ubuntu.com| (and (= protocol #x11) (= port #x007b))))
; egress/network/network-allow/events, allows
(define-fun network-2 () Bool (and (and (not ipv6) (and (bvule #x0a010800 source) (bvule source #x0a0108ff))) (and (not destination-set-4) |the destination in service tag servicebus.westeurope|) (and (= protocol #x06) (= port #x1627))))
; egress/network/network-allow/partner, allows
(define-fun network-3 () Bool (and (and (not ipv6) (and (bvule #x0a010800 source) (bvule source #x0a0108ff))) (and (not ipv6) (and (bvule #xcb007100 destination) (bvule destination #xcb00717f))) (and (= protocol #x06) (and (bvule #x20fb port) (bvule port #x20fc)))))
(define-fun network-matches () Bool (or network-1 network-2 network-3))
(define-fun network-allows () Bool (or network-1 network-2 network-3))
; source NAT needs ports (azure-firewall.md §1.12)
(define-fun keeps-its-source () Bool destination-set-4)
; what the proxy takes, and what it takes it for (§1.5, §2.2, §2.5)
(define-fun is-proxied () Bool (and (and (= protocol #x06) (not ipv6) (or (or (= port #x0050) (= port #x01bb) (= port #x0599)) (and (not |the other reading of proxy_ports_base|) (or (= port #x0050) (= port #x01bb))))) shows-a-host (or (and is-http (ite writes-a-port (= host-port port) (or (= port #x0050) |the other reading of host_without_port|))) is-tls (and is-mssql (= port #x0599)))))
; egress/application/application-deny/mirrors, denies
(define-fun application-1 () Bool (and (and (not ipv6) (and (bvule #x0a010800 source) (bvule source #x0a0108ff))) name-6 (and (= port #x0050) is-http)))
; egress/application/application-allow/database, allows
(define-fun application-2 () Bool (and (and (not ipv6) (and (bvule #x0a010800 source) (bvule source #x0a0108ff))) name-3 (and (= port #x0599) is-mssql)))
; egress/application/application-allow/images, allows
(define-fun application-3 () Bool (and source-set-3 (or name-1 name-2) (and (= port #x01bb) is-tls)))
; egress/application/application-allow/updates, allows
(define-fun application-4 () Bool (and (and (not ipv6) (and (bvule #x0a010800 source) (bvule source #x0a0108ff))) name-5 (and (= port #x0050) is-http)))
; egress/closing/close-infrastructure/deny-every-name, denies
(define-fun application-5 () Bool (and shows-a-host (or (and (= port #x0050) is-http) (and (= port #x01bb) is-http) (and (= port #x0599) is-http) (and (= port #x0050) is-tls) (and (= port #x01bb) is-tls) (and (= port #x0599) is-tls) (and (= port #x0599) is-mssql))))
(define-fun application-matches () Bool (or application-1 (or application-2 application-3 application-4) application-5))
(define-fun application-allows () Bool (and (not application-1) (or application-2 application-3 application-4)))
(define-fun lets-through () Bool (ite network-matches (and network-allows (or has-ports keeps-its-source)) (and is-proxied (or application-allows (and (not application-matches) |the name in the infrastructure rules|)))))
; the question: a flow that leaves and is not permitted
(assert is-a-flow)
(assert is-possible)
(assert is-asked-about)
(assert lets-through)
(assert (not permits))
(check-sat)
; after `sat`, the flow: (get-value (ipv6 source source-v6 destination destination-v6 protocol port payload host writes-a-port host-port length label-1 label-2 label-3 label-4 label-5))
