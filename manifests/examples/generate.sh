#!/usr/bin/env bash
# Make the examples anew: every certificate and key by OpenSSL, every manifest around them.
#
#   manifests/examples/generate.sh [DIRECTORY]      default: the directory of this script
#
# What is committed was made once: keys, serial numbers and signatures differ on every run. Everything is valid until
# 2126 unless the example is about dates. The two public certificates come from the Python packages certifi and
# cryptography-vectors, which must be importable by $PYTHON (default: python3).
set -euo pipefail

output=$(cd "${1:-$(dirname "$0")}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$output"/{good,bad,refused,cluster,cluster-bad}
cd "$work"

start=20240101000000Z
end=21260101000000Z

# ---- certificates ---------------------------------------------------------------------------------------------------

cat > ca.cnf <<'EOF'
[ca]
default_ca = example
[example]
database = index.txt
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
rand_serial = yes
[any]
countryName = optional
stateOrProvinceName = optional
localityName = optional
organizationName = optional
organizationalUnitName = optional
commonName = optional
emailAddress = optional
EOF
: > index.txt

ca_extensions='basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash'

# server_extensions NAME…: those of a TLS server for these host names
server_extensions() {
  local name names=
  for name; do names="$names,DNS:$name"; done
  printf 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n'
  printf 'subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nsubjectAltName=%s\n' "${names#,}"
}

# key NAME: a new P-256 key in NAME.key, unless there is one
key() {
  [ -f "$1.key" ] || openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2> /dev/null
}

# issue NAME SUBJECT ISSUER EXTENSIONS [START END]: NAME.key and NAME.crt; an issuer of the same name is self-signed
issue() {
  local name=$1 subject=$2 issuer=$3
  key "$name"
  openssl req -new -key "$name.key" -subj "$subject" -out "$name.csr"
  printf '%s\n' "$4" > extensions.cnf
  local signer=(-cert "$issuer.crt" -keyfile "$issuer.key")
  [ "$name" != "$issuer" ] || signer=(-selfsign -keyfile "$name.key")
  openssl ca -batch -notext -config ca.cnf -preserveDN "${signer[@]}" -extfile extensions.cnf \
    -startdate "${5:-$start}" -enddate "${6:-$end}" -in "$name.csr" -out "$name.crt" 2> ca.log || { cat ca.log >&2; return 1; }
}

# server NAME HOST…: a server's certificate of the issuing CA for these hosts
server() {
  issue "$1" "/C=DE/O=Example GmbH/CN=$2" issuing "$(server_extensions "${@:2}")"
}

cat > crl.cnf <<'EOF'
[ca]
default_ca = lists
[lists]
database = revoked.txt
crlnumber = crlnumber.txt
default_md = sha256
crl_extensions = crl_extensions
[crl_extensions]
authorityKeyIdentifier = keyid
EOF

# crl NAME ISSUER START END [REVOKED…]: NAME.crl, a list of the issuer that names these certificates
crl() {
  local name=$1 signer=(-config crl.cnf -cert "$2.crt" -keyfile "$2.key") dates=(-crl_lastupdate "$3" -crl_nextupdate "$4")
  shift 4
  : > revoked.txt
  echo 01 > crlnumber.txt
  for revoked; do openssl ca "${signer[@]}" -revoke "$revoked.crt" -crl_reason superseded 2> ca.log; done
  sed -i 's/\t[0-9]*Z,superseded/\t231201000000Z,superseded/' revoked.txt
  openssl ca "${signer[@]}" "${dates[@]}" -gencrl -out "$name.crl" 2> ca.log || { cat ca.log >&2; return 1; }
}

# issuing_ca NAME NUMBER: one more issuing CA below the root, so that the lists of an example are about it alone
issuing_ca() {
  issue "$1" "/C=DE/O=Example GmbH/CN=Example Issuing CA $2" root "${ca_extensions/CA:TRUE/CA:TRUE,pathlen:0}
authorityKeyIdentifier=keyid"
}

issue root '/C=DE/O=Example GmbH/CN=Example Root CA' root "$ca_extensions"
issue issuing '/C=DE/O=Example GmbH/CN=Example Issuing CA 1' root "${ca_extensions/CA:TRUE/CA:TRUE,pathlen:0}
authorityKeyIdentifier=keyid"
issue other-root '/C=DE/O=Other Ltd/CN=Other Root CA' other-root "$ca_extensions"
cat issuing.crt root.crt > chain.pem

# ---- manifests ------------------------------------------------------------------------------------------------------

indent() { sed "s/^/    /" "$@"; }

note='    examples.certwright.io/note: An example, published with its key. Never use it for anything.'

# about: the head of an example, from standard input
about() { sed -e 's/^/# /' -e 's/ $//'; }

# secret NAME TYPE: the start of a Secret
secret() {
  printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  annotations:\n%s\ntype: %s\n' "$1" "$note" "$2"
}

# text KEY FILE…, binary KEY FILE: an entry of stringData, of data
text() {
  printf '  %s: |\n' "$1"
  indent "${@:2}"
}
binary() { printf '  %s: %s\n' "$1" "$(base64 -w 0 "$2")"; }

# tls_secret NAME KEYFILE CERTIFICATE…: what `kubectl create secret tls` makes
tls_secret() {
  secret "$1" kubernetes.io/tls
  echo 'stringData:'
  text tls.crt "${@:3}"
  text tls.key "$2"
}

# password_secret NAME PASSWORD
password_secret() {
  secret "$1" Opaque
  printf 'stringData:\n  password: %s\n' "$2"
}

# config_map NAME KEY FILE…
config_map() {
  printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\ndata:\n' "$1"
  text "$2" "${@:3}"
}

# imported NAME EXPECT [REASONS]: an ImportedCertificate, its spec from standard input
#
# EXPECT is certificateStoreStatus and responseCode; REASONS are findings that must be among those listed.
imported() {
  printf -- '---\napiVersion: certwright.io/v1alpha1\nkind: ImportedCertificate\nmetadata:\n  name: %s\n' "$1"
  printf '  annotations:\n    examples.certwright.io/expect: %s\n' "$2"
  [ -z "${3:-}" ] || printf '    examples.certwright.io/reasons: %s\n' "$3"
  echo 'spec:'
  sed 's/^/  /'
}

# revocation_source NAME EXPECT: a RevocationSource, its spec from standard input
#
# EXPECT is the reason of Ready and the validation code.
revocation_source() {
  printf -- '---\napiVersion: certwright.io/v1alpha1\nkind: RevocationSource\nmetadata:\n  name: %s\n' "$1"
  printf '  annotations:\n    examples.certwright.io/expect: %s\n' "$2"
  echo 'spec:'
  sed 's/^/  /'
}

# ours KIND NAME EXPECT [REASONS]: one of our objects of another kind, its spec from standard input
#
# $space is its namespace, where it names one. A TrustDecision gets the label `example: $group`, by which the store of the
# example selects it. EXPECT is `trustState` and the validation code of a TrustDecision, of a store the reason of Ready and
# how many per cent of its targets are up to date.
ours() {
  printf -- '---\napiVersion: certwright.io/v1alpha1\nkind: %s\nmetadata:\n  name: %s\n' "$1" "$2"
  [ -z "${space:-}" ] || printf '  namespace: %s\n' "$space"
  [ "$1" != TrustDecision ] || printf '  labels:\n    example: %s\n' "$group"
  printf '  annotations:\n    examples.certwright.io/expect: %s\n' "$3"
  [ -z "${4:-}" ] || printf '    examples.certwright.io/reasons: %s\n' "$4"
  echo 'spec:'
  sed 's/^/  /'
}

# decision NAME EXPECT CERTIFICATE [LINE]: a TrustDecision about a certificate, with one more line of its spec; $reasons are
# findings that must be among those listed
decision() {
  {
    echo 'certificate: |'
    sed 's/^/  /' "$3"
    [ -z "${4:-}" ] || printf '%s\n' "$4"
  } | ours TrustDecision "$1" "$2" "${reasons:-}"
}

# store NAME EXPECT [REASONS]: a TrustStore that gathers the decisions of its example into a ConfigMap
store() {
  ours TrustStore "$@" <<EOF
selector:
  matchLabels:
    example: $group
targets:
- name: $1-ca
EOF
}

# refused_source NAME MESSAGE: a RevocationSource that the API server does not store, its spec from standard input
refused_source() {
  printf -- '---\napiVersion: certwright.io/v1alpha1\nkind: RevocationSource\nmetadata:\n  name: %s\n' "$1"
  printf '  annotations:\n    examples.certwright.io/refused: "%s"\nspec:\n' "$2"
  sed 's/^/  /'
}

# private_key NAME: a PrivateKey, its spec from standard input
private_key() {
  printf -- '---\napiVersion: certwright.io/v1alpha1\nkind: PrivateKey\nmetadata:\n  name: %s\nspec:\n' "$1"
  sed 's/^/  /'
}

# refused_key NAME MESSAGE: a PrivateKey that the API server does not store, its spec from standard input
refused_key() {
  printf -- '---\napiVersion: certwright.io/v1alpha1\nkind: PrivateKey\nmetadata:\n  name: %s\n' "$1"
  printf '  annotations:\n    examples.certwright.io/refused: "%s"\nspec:\n' "$2"
  sed 's/^/  /'
}

# refused NAME MESSAGE: an ImportedCertificate that the API server does not store, its spec from standard input
refused() {
  printf -- '---\napiVersion: certwright.io/v1alpha1\nkind: ImportedCertificate\nmetadata:\n  name: %s\n' "$1"
  printf '  annotations:\n    examples.certwright.io/refused: "%s"\n' "$2"
  [ "$1" = no-spec ] || echo 'spec:'
  sed 's/^/  /'
}

# ---- good -----------------------------------------------------------------------------------------------------------

server upload shop.example.com www.shop.example.com
{
  about <<'EOF'
The usual case: a certificate was uploaded with `kubectl create secret tls`, leaf first, then the intermediate.

Expect OK (200): the Secret upload-tls holds it, and changes only when a better upload was found good.
EOF
  tls_secret upload-source upload.key upload.crt issuing.crt
  imported upload 'OK 200' <<'EOF'
certificateRef:
  name: upload-source
dnsNames:
- shop.example.com
targets:
- secretName: upload-tls
EOF
} > "$output/good/upload.yaml"

server inline inline.example.com
{
  about <<'EOF'
The certificate stands in the object, so it can be reviewed in Git; the key is where it belongs, in a Secret.

Expect OK (200).
EOF
  secret inline-key Opaque
  echo 'stringData:'
  text tls.key inline.key
  imported inline 'OK 200' <<EOF
certificate: |
$(sed 's/^/  /' inline.crt issuing.crt)
privateKeyRef:
  name: inline-key
targets:
- secretName: inline-tls
EOF
} > "$output/good/inline.yaml"

server watch-only watch.example.com
{
  about <<'EOF'
A TLS Secret that somebody else looks after, only watched: there are no targets, so nothing is written.

Expect OK (200); `kubectl get impcert` shows when it expires, and ExpiringSoon says when to worry.
EOF
  tls_secret watch-only-existing watch-only.key watch-only.crt issuing.crt
  imported watch-only 'OK 200' <<'EOF'
certificateRef:
  name: watch-only-existing
EOF
} > "$output/good/watch-only.yaml"

server separate-chain chain.example.com
{
  about <<'EOF'
The issuer sends the leaf alone, and its intermediates are kept once, in a ConfigMap that many objects share.
They may stand in any order and include the root, which is left out of what servers send.

Expect OK (200) with the warning RootRemoved.
EOF
  tls_secret separate-chain-source separate-chain.key separate-chain.crt
  config_map separate-chain-corporate chain.pem root.crt issuing.crt
  imported separate-chain 'OK 200' RootRemoved <<'EOF'
certificateRef:
  name: separate-chain-source
chainRef:
  kind: ConfigMap
  name: separate-chain-corporate
  key: chain.pem
targets:
- secretName: separate-chain-tls
EOF
} > "$output/good/separate-chain.yaml"

server keystore keystore.example.com
{
  about <<'EOF'
For Java: the same Secret also holds a PKCS#12 key store, protected with a password out of another Secret.

Expect OK (200); keystore-tls has tls.crt, tls.key and keystore.p12.
EOF
  tls_secret keystore-source keystore.key keystore.crt issuing.crt
  password_secret keystore-password example-password
  imported keystore 'OK 200' <<'EOF'
certificateRef:
  name: keystore-source
targets:
- secretName: keystore-tls
  formats:
  - type: PKCS12
    key: keystore.p12
    alias: shop
    passwordRef:
      name: keystore-password
EOF
} > "$output/good/keystore.yaml"

server refresh refresh.example.com
{
  about <<'EOF'
A server that reads its certificate only when it starts. After a new certificate was stored, certwright rolls the
Deployment out and waits for it. Needs the component `refresh`.

Expect OK (200); after a later change CERTIFICATE_STORED_BUT_NOT_REFRESHED (528) until the roll-out is complete.
EOF
  tls_secret refresh-source refresh.key refresh.crt issuing.crt
  cat <<'EOF'
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: refresh-web
spec:
  replicas: 1
  selector:
    matchLabels:
      app: refresh-web
  template:
    metadata:
      labels:
        app: refresh-web
    spec:
      containers:
      - name: web
        image: nginx:stable
        ports:
        - containerPort: 443
        volumeMounts:
        - name: tls
          mountPath: /etc/nginx/tls
          readOnly: true
      volumes:
      - name: tls
        secret:
          secretName: refresh-tls
EOF
  imported refresh 'OK 200' <<'EOF'
certificateRef:
  name: refresh-source
targets:
- secretName: refresh-tls
  refresh:
  - kind: Deployment
    name: refresh-web
EOF
} > "$output/good/refresh.yaml"

server several several.example.com
{
  about <<'EOF'
One certificate for two consumers, each with a Secret of its own and the number of its node.

Expect OK (200), also for each of the two targets.
EOF
  tls_secret several-source several.key several.crt issuing.crt
  imported several 'OK 200' <<'EOF'
certificateRef:
  name: several-source
targets:
- secretName: several-server-tls
  entityType: SERVER
  entityId: 32
- secretName: several-collector-tls
  entityType: COLLECTOR
  entityId: 7
EOF
} > "$output/good/several.yaml"

server untidy untidy.example.com
{
  echo 'Bag Attributes'
  echo '    friendlyName: Example Root CA'
  cat root.crt untidy.crt issuing.crt untidy.crt
} | sed 's/$/\r/' > untidy.pem
{
  about <<'EOF'
As certificates arrive: root first, leaf twice, Windows line ends, and lines of an export tool between them. What is
meant is certain, so it is accepted; untidy-tls gets the leaf and the intermediate, clean.

Expect OK (200) with the warnings Reordered, DuplicateCertificate and RootRemoved.
EOF
  secret untidy-source kubernetes.io/tls
  echo 'data:'
  binary tls.crt untidy.pem
  binary tls.key untidy.key
  imported untidy 'OK 200' Reordered,DuplicateCertificate,RootRemoved <<'EOF'
certificateRef:
  name: untidy-source
targets:
- secretName: untidy-tls
EOF
} > "$output/good/untidy.yaml"

{
  about <<'EOF'
No certificate has been bought yet. A key is made once and kept; until a CA has signed the request in
`status.certificateSigningRequest`, a self-signed certificate is served, and made anew in time. Name what the CA sends
in `certificateRef` or `certificate`, and it takes its place.

Expect OK (200): self-signed-tls holds a certificate that works, and that nobody trusts yet.
EOF
  private_key self-signed-key <<'EOF'
secretName: self-signed-key
EOF
  imported self-signed 'OK 200' <<'EOF'
privateKeyRef:
  kind: PrivateKey
  name: self-signed-key
subject:
  commonName: self-signed.example.com
  organizationName: Example GmbH
  countryCode: DE
dnsNames:
- self-signed.example.com
targets:
- secretName: self-signed-tls
EOF
} > "$output/good/self-signed.yaml"

server pkcs12-upload pfx.example.com
openssl pkcs12 -export -inkey pkcs12-upload.key -in pkcs12-upload.crt -certfile issuing.crt -name pfx \
  -keypbe AES-256-CBC -certpbe AES-256-CBC -macalg sha256 -passout pass:example-password -out upload.p12
{
  about <<'EOF'
The upload is a PKCS#12 file (.p12, .pfx); it gives certificate, chain and key, so no key is named.

Expect OK (200).
EOF
  secret pkcs12-upload-source Opaque
  echo 'data:'
  binary upload.p12 upload.p12
  password_secret pkcs12-upload-password example-password
  imported pkcs12-upload 'OK 200' <<'EOF'
certificateRef:
  name: pkcs12-upload-source
  key: upload.p12
  passwordRef:
    name: pkcs12-upload-password
targets:
- secretName: pkcs12-upload-tls
EOF
} > "$output/good/pkcs12-upload.yaml"

server encrypted-key encrypted.example.com
openssl pkcs8 -topk8 -v2 aes-256-cbc -in encrypted-key.key -passout pass:example-password -out encrypted.key
{
  about <<'EOF'
The uploaded key is encrypted. Servers cannot ask for a password, so it is stored without one.

Expect OK (200).
EOF
  tls_secret encrypted-key-source encrypted.key encrypted-key.crt issuing.crt
  password_secret encrypted-key-password example-password
  imported encrypted-key 'OK 200' <<'EOF'
certificateRef:
  name: encrypted-key-source
privateKeyRef:
  name: encrypted-key-source
  passwordRef:
    name: encrypted-key-password
targets:
- secretName: encrypted-key-tls
EOF
} > "$output/good/encrypted-key.yaml"

server binary binary.example.com
openssl x509 -in binary.crt -outform DER -out binary.der
{
  about <<'EOF'
The upload is binary (DER, often called .cer), under a name of its own; the key is in another Secret.

Expect OK (200).
EOF
  secret binary-source Opaque
  echo 'data:'
  binary shop.cer binary.der
  secret binary-key Opaque
  echo 'stringData:'
  text tls.key binary.key
  imported binary 'OK 200' <<EOF
certificateRef:
  name: binary-source
  key: shop.cer
chain: |
$(sed 's/^/  /' issuing.crt)
privateKeyRef:
  name: binary-key
targets:
- secretName: binary-tls
EOF
} > "$output/good/binary.yaml"

issue client '/C=DE/O=Example GmbH/CN=billing' issuing 'basicConstraints=CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=clientAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
subjectAltName=email:billing@example.com'
{
  about <<'EOF'
A certificate that a client shows to a server; for a server it could not be used.

Expect OK (200).
EOF
  tls_secret client-source client.key client.crt issuing.crt
  imported client 'OK 200' <<'EOF'
certificateRef:
  name: client-source
usages:
- ClientAuth
targets:
- secretName: client-tls
EOF
} > "$output/good/client.yaml"

server adopt adopt.example.com
server adopt-old adopt.example.com
{
  about <<'EOF'
The Secret is there already and somebody else made it. The annotation `certwright.io/allow-write` is its owner's
consent; without it the Secret would stay as it is.

Expect OK (200).
EOF
  tls_secret adopt-source adopt.key adopt.crt issuing.crt
  tls_secret adopt-tls adopt-old.key adopt-old.crt issuing.crt |
    sed "s|^$note|&\n    certwright.io/allow-write: ImportedCertificate/adopt|"
  imported adopt 'OK 200' <<'EOF'
certificateRef:
  name: adopt-source
targets:
- secretName: adopt-tls
EOF
} > "$output/good/adopt.yaml"

server expiring-soon soon.example.com
{
  about <<'EOF'
The warning before the end. It begins at 20 % of the lifetime left; this example asks for 100 %, so it is there at once.

Expect OK (200) with the warning ExpiringSoon, and the condition of that name.
EOF
  tls_secret expiring-soon-source expiring-soon.key expiring-soon.crt issuing.crt
  imported expiring-soon 'OK 200' ExpiringSoon <<'EOF'
certificateRef:
  name: expiring-soon-source
warnBeforePercentage: 100
EOF
} > "$output/good/expiring-soon.yaml"

server lone-leaf lone.example.com
{
  about <<'EOF'
A leaf without its intermediate, and nothing that says that there is one. It is used as it is, but clients that do not
know the issuer will refuse it.

Expect OK (200) with the warning IssuerMissing.
EOF
  tls_secret lone-leaf-source lone-leaf.key lone-leaf.crt
  imported lone-leaf 'OK 200' IssuerMissing <<'EOF'
certificateRef:
  name: lone-leaf-source
targets:
- secretName: lone-leaf-tls
EOF
} > "$output/good/lone-leaf.yaml"

"${PYTHON:-python3}" - > public-root.crt <<'EOF'
import certifi, subprocess
from pathlib import Path

blocks = Path(certifi.where()).read_text().split("-----BEGIN CERTIFICATE-----\n")[1:]
for block in blocks:
    pem = "-----BEGIN CERTIFICATE-----\n" + block.split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
    name = subprocess.run(["openssl", "x509", "-noout", "-subject"], input=pem, capture_output=True, text=True, check=True)
    if "CN = ISRG Root X1" in name.stdout:
        print(pem, end="")
EOF
{
  about <<'EOF'
A real certificate: the root of Let's Encrypt (ISRG Root X1), watched for its end in June 2035. A CA certificate is no
server's, so no usage is demanded.

Expect OK (200).
EOF
  imported public-root 'OK 200' <<EOF
certificate: |
$(sed 's/^/  /' public-root.crt)
usages: []
subject:
  commonName: ISRG Root X1
EOF
} > "$output/good/public-root.yaml"

issuing_ca listing 2
issue revocation-list '/C=DE/O=Example GmbH/CN=listed.example.com' listing "$(server_extensions listed.example.com)"
crl revocation-list listing "$start" "$end"
{
  about <<'EOF'
A revocation list in the object, and a certificate that is judged by it.

Expect OK (200): the list is authentic and does not name the certificate. Of the CA above there is no list, which
`Prefer` lets pass.
EOF
  tls_secret revocation-list-source revocation-list.key revocation-list.crt listing.crt
  config_map revocation-list-issuer ca.crt listing.crt
  revocation_source revocation-list 'Valid 0' <<EOF
crl: |
$(sed 's/^/  /' revocation-list.crl)
issuerRef:
  kind: ConfigMap
  name: revocation-list-issuer
EOF
  imported revocation-list 'OK 200' <<'EOF'
certificateRef:
  name: revocation-list-source
trust:
  revocation: Prefer
targets:
- secretName: revocation-list-tls
EOF
} > "$output/good/revocation-list.yaml"

issuing_ca requiring 3
issue revocation-required '/C=DE/O=Example GmbH/CN=required.example.com' requiring \
  "$(server_extensions required.example.com)"
crl revocation-required requiring "$start" "$end"
crl revocation-required-root root "$start" "$end"
{
  about <<'EOF'
Revocation lists in a ConfigMap, one for each CA of the path, and a certificate that may not be served without them.

Expect OK (200): the root is given as well, for without it nobody could verify the list that is about the issuing CA.
EOF
  tls_secret revocation-required-source revocation-required.key revocation-required.crt requiring.crt root.crt
  config_map revocation-required-issuers ca.crt requiring.crt root.crt
  config_map revocation-required-lists issuing.crl revocation-required.crl
  text root.crl revocation-required-root.crl
  for each in issuing root; do
    revocation_source "revocation-required-$each" 'Valid 0' <<EOF
crlRef:
  kind: ConfigMap
  name: revocation-required-lists
  key: $each.crl
issuerRef:
  kind: ConfigMap
  name: revocation-required-issuers
EOF
  done
  imported revocation-required 'OK 200' <<'EOF'
certificateRef:
  name: revocation-required-source
trust:
  revocation: Require
targets:
- secretName: revocation-required-tls
EOF
} > "$output/good/revocation-required.yaml"

group=root-rollover
issue root-rollover-old '/C=DE/O=Example GmbH/CN=Example Root CA G1' root-rollover-old "$ca_extensions"
issue root-rollover-new '/C=DE/O=Example GmbH/CN=Example Root CA G2' root-rollover-new "$ca_extensions"
for each in old new; do
  issue "root-rollover-$each-server" "/C=DE/O=Example GmbH/CN=$each.rollover.example.com" "root-rollover-$each" \
    "$(server_extensions "$each.rollover.example.com")"
done
{
  about <<'EOF'
Replacing a root: for a time both are trusted, until the old one's `trustUntil`. Then it leaves the bundle and every
verdict by itself.

Expect OK (200), for the certificate of the old root as for that of the new one.
EOF
  decision root-rollover-old 'trusted 0' root-rollover-old.crt 'trustUntil: "2100-01-01T00:00:00Z"'
  decision root-rollover-new 'trusted 0' root-rollover-new.crt
  store root-rollover 'Valid 100'
  for each in old new; do
    tls_secret "root-rollover-$each-source" "root-rollover-$each-server.key" "root-rollover-$each-server.crt"
    name=root-rollover
    [ "$each" = new ] || name=root-rollover-$each
    imported "$name" 'OK 200' <<EOF
certificateRef:
  name: root-rollover-$each-source
trust:
  storeRef:
    kind: TrustStore
    name: root-rollover
targets:
- secretName: root-rollover-$each-tls
EOF
  done
} > "$output/good/root-rollover.yaml"

group=corporate-store
issue corporate-root '/C=DE/O=Example GmbH/CN=Example Corporate Root CA' corporate-root "$ca_extensions"
issue corporate-issuing '/C=DE/O=Example GmbH/CN=Example Corporate Issuing CA' corporate-root \
  "${ca_extensions/CA:TRUE/CA:TRUE,pathlen:0}
authorityKeyIdentifier=keyid"
issue corporate-store '/C=DE/O=Example GmbH/CN=corporate.example.com' corporate-issuing \
  "$(server_extensions corporate.example.com)"
{
  about <<'EOF'
A corporate root and its issuing CA beside the public roots, in one bundle for programs that talk to both worlds.

Expect OK (200): the upload is the leaf alone, and the store has the intermediate that is missing.
EOF
  decision corporate-store-root 'trusted 0' corporate-root.crt
  decision corporate-store-issuing 'trusted 0' corporate-issuing.crt 'certUse: intermediateCA'
  ours TrustStore corporate-store 'Valid 100' <<'EOF'
selector:
  matchLabels:
    example: corporate-store
publicRoots: Mozilla
targets:
- name: corporate-store-ca
- name: corporate-store-complete
  content: RootsAndIntermediates
EOF
  tls_secret corporate-store-source corporate-store.key corporate-store.crt
  imported corporate-store 'OK 200' <<'EOF'
certificateRef:
  name: corporate-store-source
trust:
  storeRef:
    kind: TrustStore
    name: corporate-store
targets:
- secretName: corporate-store-tls
EOF
} > "$output/good/corporate-store.yaml"

# ---- cluster: for the whole of it, in namespaces of their own -------------------------------------------------------

# digest: of standard input
digest() { printf 'sha256:%s' "$(sha256sum | cut -d ' ' -f 1)"; }

# What `certwright diff` prints for a first deployment: the digest of the change from nothing to the digest of what is
# staged.
staged=$(printf '%s rootCA -' "$(openssl x509 -in root.crt -outform DER | digest)" | digest)
approved=$(printf 'none\n%s' "$staged" | digest)
group=approval-in-git
server approval-in-git git.example.com
{
  about <<'EOF'
Trust by pull request: a store for the whole cluster deploys only what was approved, and the approval is a commit like
any other. Its id is what `certwright diff` prints for the change.

Expect OK (200): the decision, the store and the approval of its first deployment come together.
EOF
  cat <<'EOF'
---
apiVersion: v1
kind: Namespace
metadata:
  name: approval-in-git
  labels:
    certwright.io/trust-source: "true"
---
apiVersion: v1
kind: Namespace
metadata:
  name: approval-in-git-shop
  labels:
    example: approval-in-git
EOF
  space=approval-in-git decision approval-in-git-root 'trusted 0' root.crt
  ours ClusterTrustStore approval-in-git 'Valid 100' <<EOF
decisionNamespace: approval-in-git
selector:
  matchLabels:
    example: approval-in-git
deployment:
  mode: Manual
  approved: $approved
namespaceSelector:
  matchLabels:
    example: approval-in-git
targets:
- name: approval-in-git-ca
EOF
  space=approval-in-git-shop ours ImportedCertificate approval-in-git 'OK 200' <<EOF
certificate: |
$(sed 's/^/  /' approval-in-git.crt issuing.crt)
trust:
  storeRef:
    kind: ClusterTrustStore
    name: approval-in-git
EOF
} > "$output/cluster/approval-in-git.yaml"

# ---- sets of certificates: of the whole cluster, with namespaces of their own ----------------------------------------

# spaces NAME…: namespaces
spaces() { printf -- '---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: %s\n' "$@"; }

# part SET NAME KEYFILE CERTIFICATE…: an upload for a set, in its namespace $space, which the set may read; without SET it
# may not. Without KEYFILE it has no key.
part() {
  printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  namespace: %s\n  annotations:\n%s\n' \
    "$2" "$space" "$note"
  [ -z "$1" ] || printf '    certwright.io/allow-read: ClusterCertificateSet/%s\n' "$1"
  printf 'type: %s\nstringData:\n' "$([ -z "$3" ] && echo Opaque || echo kubernetes.io/tls)"
  text tls.crt "${@:4}"
  [ -z "$3" ] || text tls.key "$3"
}

# certificate_set NAME EXPECT [REASONS]: a set, its spec from standard input
#
# EXPECT is the reason of Ready and the response code; $says is a part of `detailedError`.
certificate_set() {
  printf -- '---\napiVersion: certwright.io/v1alpha1\nkind: ClusterCertificateSet\nmetadata:\n  name: %s\n' "$1"
  printf '  annotations:\n    examples.certwright.io/expect: %s\n' "$2"
  [ -z "${3:-}" ] || printf '    examples.certwright.io/reasons: %s\n' "$3"
  [ -z "${says:-}" ] || printf "    examples.certwright.io/says: '%s'\n" "$says"
  echo 'spec:'
  sed 's/^/  /'
}

# both NAME HOST…: a certificate of the issuing CA for servers and clients of these hosts
both() {
  issue "$1" "/C=DE/O=Example GmbH/CN=$2" issuing "$(server_extensions "${@:2}" | sed 's/serverAuth/serverAuth,clientAuth/')"
}

for each in api cm metrics-exporter proxy syncer; do
  both "redis-$each" redis.example.com '*.redis.example.com' internal.redis.example.com '*.internal.redis.example.com'
done
issue redis-ldap-client '/C=DE/O=Example GmbH/CN=redis' issuing "$(server_extensions redis.example.com | sed 's/serverAuth/clientAuth/')"
{
  about <<'EOF'
The certificates of a Redis Enterprise cluster, name by name: the five that it cannot be without are for servers and for
clients, and name the cluster in four ways; what it asks LDAP with, and the CA of its clients, are optional. Two clusters
get them, all of them or none. Take the slots as they are, with your names, Secrets and namespaces.

Expect Valid (200): each of redis-east and redis-west holds seven Secrets of one revision.
EOF
  spaces redis-uploads redis-east redis-west
  space=redis-uploads
  for each in api cm metrics-exporter proxy syncer ldap-client; do
    part redis "redis-$each" "redis-$each.key" "redis-$each.crt" issuing.crt
  done
  part redis redis-mtls-trusted-ca '' root.crt
  certificate_set redis 'Valid 200' <<'EOF'
slots:
- name: api
  secretName: redis-api
  usages: &both
  - ServerAuth
  - ClientAuth
  dnsNames: &names
  - redis.example.com
  - "*.redis.example.com"
  - internal.redis.example.com
  - "*.internal.redis.example.com"
- {name: cm, secretName: redis-cm, usages: *both, dnsNames: *names}
- {name: metrics_exporter, secretName: redis-metrics-exporter, usages: *both, dnsNames: *names}
- {name: proxy, secretName: redis-proxy, usages: *both, dnsNames: *names}
- {name: syncer, secretName: redis-syncer, usages: *both, dnsNames: *names}
- {name: ldap_client, secretName: redis-ldap-client, required: false, usages: [ClientAuth]}
- {name: mtls_trusted_ca, secretName: redis-mtls-trusted-ca, required: false, privateKey: None}
certificates:
- {name: api, certificateRef: {namespace: redis-uploads, name: redis-api}}
- {name: cm, certificateRef: {namespace: redis-uploads, name: redis-cm}}
- {name: metrics_exporter, certificateRef: {namespace: redis-uploads, name: redis-metrics-exporter}}
- {name: proxy, certificateRef: {namespace: redis-uploads, name: redis-proxy}}
- {name: syncer, certificateRef: {namespace: redis-uploads, name: redis-syncer}}
- {name: ldap_client, certificateRef: {namespace: redis-uploads, name: redis-ldap-client}}
- {name: mtls_trusted_ca, certificateRef: {namespace: redis-uploads, name: redis-mtls-trusted-ca}}
namespaces:
- redis-east
- redis-west
EOF
} > "$output/cluster/redis.yaml"

server gateway-proxy gateway.example.com
server gateway-api api.gateway.example.com
{
  about <<'EOF'
A gateway that runs in two namespaces: a certificate for its proxy, one for its API, and the CA whose clients it lets in.
They belong together, so both namespaces change at once or not at all.

Expect Valid (200): gateway-a and gateway-b hold gateway-proxy-tls, gateway-api-tls and gateway-client-ca.
EOF
  spaces gateway-uploads gateway-a gateway-b
  space=gateway-uploads
  for each in proxy api; do
    part gateway "gateway-$each" "gateway-$each.key" "gateway-$each.crt" issuing.crt
  done
  certificate_set gateway 'Valid 200' <<EOF
slots:
- name: proxy
  secretName: gateway-proxy-tls
  usages:
  - ServerAuth
  dnsNames:
  - gateway.example.com
- name: api
  secretName: gateway-api-tls
  usages:
  - ServerAuth
- name: client-ca
  secretName: gateway-client-ca
  privateKey: None
certificates:
- name: proxy
  certificateRef:
    namespace: gateway-uploads
    name: gateway-proxy
- name: api
  certificateRef:
    namespace: gateway-uploads
    name: gateway-api
- name: client-ca
  certificate: |
$(sed 's/^/    /' root.crt)
namespaces:
- gateway-a
- gateway-b
EOF
} > "$output/cluster/gateway.yaml"

# refused_set NAME EXPECT REASON [MORE]: a set of two certificates, proxy and api, in one namespace; $says as above
#
# MORE are lines of its spec after those two certificates.
refused_set() {
  certificate_set "$1" "$2" "$3" <<EOF
slots:
- {name: proxy, secretName: $1-proxy-tls}
- {name: api, secretName: $1-api-tls}
certificates:
- {name: proxy, certificateRef: {namespace: $1-uploads, name: $1-proxy}}
- {name: api, certificateRef: {namespace: $1-uploads, name: $1-api}}
${4:-}${4:+
}namespaces:
- $1-node
EOF
}

server set-good gateway.example.com
server set-other api.gateway.example.com
issue set-expired '/C=DE/O=Example GmbH/CN=old.example.com' issuing "$(server_extensions old.example.com)" \
  "$start" 20250101000000Z

set=expired-among-good space=expired-among-good-uploads
{
  about <<'EOF'
One certificate of the set has expired. The other is good, and is not replaced either: all of them, or none.

Expect Expired (406).
EOF
  spaces $space $set-node
  part $set $set-proxy set-expired.key set-expired.crt issuing.crt
  part $set $set-api set-other.key set-other.crt issuing.crt
  says='`proxy`: the certificate expired on 2025-01-01' refused_set $set 'Expired 406' Expired
} > "$output/cluster-bad/expired-among-good.yaml"

set=unknown-name space=unknown-name-uploads
{
  about <<'EOF'
A certificate was handed in under a name that the set has no slot for: nothing is guessed, and nothing replaced.

Expect UnknownName (403).
EOF
  spaces $space $set-node
  part $set $set-proxy set-good.key set-good.crt issuing.crt
  part $set $set-api set-other.key set-other.crt issuing.crt
  says='`nginx` is none of the names of this set' refused_set $set 'UnknownName 403' UnknownName \
    "- {name: nginx, certificateRef: {namespace: $space, name: $set-api}}"
} > "$output/cluster-bad/unknown-name.yaml"

set=no-consent space=no-consent-uploads
{
  about <<'EOF'
The Secret of one certificate does not allow the set to read it: whoever may create sets must not get at every key.

Expect InvalidRequest (400), with the command by which its owner allows it.
EOF
  spaces $space $set-node
  part $set $set-proxy set-good.key set-good.crt issuing.crt
  part '' $set-api set-other.key set-other.crt issuing.crt
  says='kubectl annotate secret -n no-consent-uploads no-consent-api certwright.io/allow-read=ClusterCertificateSet/no-consent' \
    refused_set $set 'InvalidRequest 400' InvalidRequest
} > "$output/cluster-bad/no-consent.yaml"

set=swapped-keys space=swapped-keys-uploads
{
  about <<'EOF'
Two certificates of the set were uploaded each with the key of the other.

Expect KeyMismatch (400), for both.
EOF
  spaces $space $set-node
  part $set $set-proxy set-other.key set-good.crt issuing.crt
  part $set $set-api set-good.key set-other.crt issuing.crt
  says='`proxy`: the private key (ECDSA P-256) does not belong to the certificate "gateway.example.com"' refused_set $set 'KeyMismatch 400' KeyMismatch
} > "$output/cluster-bad/swapped-keys.yaml"

# ---- bad: stored by the API server, refused in status ---------------------------------------------------------------

# bad_upload NAME EXPECT REASON: head from standard input, then NAME-source and a target that stays away
bad_upload() {
  about
  tls_secret "$1-source" "${4:-$1.key}" "${@:5}"
  imported "$1" "$2" "$3" <<EOF
certificateRef:
  name: $1-source
targets:
- secretName: $1-tls
EOF
}

issue expired '/C=DE/O=Example GmbH/CN=expired.example.com' issuing "$(server_extensions expired.example.com)" \
  "$start" 20250101000000Z
bad_upload expired 'CERTIFICATE_IS_EXPIRED 525' Expired expired.key expired.crt issuing.crt > "$output/bad/expired.yaml" <<'EOF'
The certificate has ended.

Expect CERTIFICATE_IS_EXPIRED (525). Upload a current one; if an older target were there, it would be kept.
EOF

issue not-yet-valid '/C=DE/O=Example GmbH/CN=future.example.com' issuing "$(server_extensions future.example.com)" \
  21200101000000Z
bad_upload not-yet-valid 'PUBLIC_KEY_CERTIFICATE_IS_INVALID 525' NotYetValid not-yet-valid.key not-yet-valid.crt \
  issuing.crt > "$output/bad/not-yet-valid.yaml" <<'EOF'
The certificate begins in 2120. It is judged again in that second (`status.nextCheckTime`).

Expect PUBLIC_KEY_CERTIFICATE_IS_INVALID (525).
EOF

server key-mismatch mismatch.example.com
key other
bad_upload key-mismatch 'PRIVATE_KEY_DOES_NOT_MATCH_PUBLIC_KEY_CERTIFICATE 523' KeyMismatch other.key key-mismatch.crt \
  issuing.crt > "$output/bad/key-mismatch.yaml" <<'EOF'
The key is that of another certificate: the commonest slip when renewing by hand.

Expect PRIVATE_KEY_DOES_NOT_MATCH_PUBLIC_KEY_CERTIFICATE (523); Stalled after a minute, in which the other half may come.
EOF

server missing-intermediate missing.example.com
bad_upload missing-intermediate 'CERTIFICATE_CHAIN_IS_INVALID 522' IssuerNotFound missing-intermediate.key \
  missing-intermediate.crt root.crt > "$output/bad/missing-intermediate.yaml" <<'EOF'
The root was added, and the intermediate between it and the leaf is missing: most clients could not connect.

Expect CERTIFICATE_CHAIN_IS_INVALID (522); the message names the issuer that is missing.
EOF

issue forged-issuing '/C=DE/O=Example GmbH/CN=Example Issuing CA 1' root "$ca_extensions"
server wrong-issuer wrong.example.com
bad_upload wrong-issuer 'CERTIFICATE_CHAIN_IS_INVALID 522' IssuerNotFound wrong-issuer.key wrong-issuer.crt \
  forged-issuing.crt > "$output/bad/wrong-issuer.yaml" <<'EOF'
The intermediate has the issuer's name and another key, as after a CA was renewed.

Expect CERTIFICATE_CHAIN_IS_INVALID (522); the message names the key that is missing.
EOF

issue expired-issuing '/C=DE/O=Example GmbH/CN=Example Issuing CA 0' root "$ca_extensions" "$start" 20250101000000Z
issue expired-intermediate '/C=DE/O=Example GmbH/CN=old-ca.example.com' expired-issuing \
  "$(server_extensions old-ca.example.com)"
bad_upload expired-intermediate 'CERTIFICATE_CHAIN_IS_INVALID 522' ChainInvalid expired-intermediate.key \
  expired-intermediate.crt expired-issuing.crt > "$output/bad/expired-intermediate.yaml" <<'EOF'
The certificate is valid, its issuer has expired.

Expect CERTIFICATE_CHAIN_IS_INVALID (522).
EOF

issue tampered '/C=DE/O=Example GmbH/CN=tampered.example.com' tampered "$(server_extensions tampered.example.com)"
openssl x509 -in tampered.crt -outform DER -out tampered.der
last=$(tail -c 1 tampered.der | od -An -tu1 | tr -d ' ')
{ head -c -1 tampered.der; printf "\\x$(printf %02x $(((last + 1) % 256)))"; } > broken.der
openssl x509 -in broken.der -inform DER -out broken.crt
bad_upload tampered 'CERTIFICATE_CHAIN_IS_INVALID 522' InvalidSelfSigned tampered.key broken.crt \
  > "$output/bad/tampered.yaml" <<'EOF'
A self-signed certificate in which one bit was changed after it was signed.

Expect CERTIFICATE_CHAIN_IS_INVALID (522).
EOF

server signing-request csr.example.com
bad_upload signing-request 'PUBLIC_KEY_CERTIFICATE_IS_INVALID 525' Unparsable signing-request.key signing-request.csr \
  > "$output/bad/signing-request.yaml" <<'EOF'
The request that was sent to the CA, where its answer belongs.

Expect PUBLIC_KEY_CERTIFICATE_IS_INVALID (525); the message says that it is a CSR.
EOF

server truncated truncated.example.com
{ head -n 6 truncated.crt; tail -n 1 truncated.crt; } > cut.crt
bad_upload truncated 'PUBLIC_KEY_CERTIFICATE_IS_INVALID 525' Unparsable truncated.key cut.crt \
  > "$output/bad/truncated.yaml" <<'EOF'
Lines are missing, as after copying out of a mail.

Expect PUBLIC_KEY_CERTIFICATE_IS_INVALID (525).
EOF

server swapped swapped.example.com
bad_upload swapped 'PUBLIC_KEY_CERTIFICATE_IS_INVALID 525' Unparsable swapped.crt swapped.key \
  > "$output/bad/swapped.yaml" <<'EOF'
Certificate and key have changed places.

Expect PUBLIC_KEY_CERTIFICATE_IS_INVALID (525); the message says so.
EOF

issue wrong-usage '/C=DE/O=Example GmbH/CN=usage.example.com' issuing \
  "$(server_extensions usage.example.com | sed s/serverAuth/clientAuth/)"
bad_upload wrong-usage 'PUBLIC_KEY_CERTIFICATE_IS_INVALID 525' UsageMismatch wrong-usage.key wrong-usage.crt \
  issuing.crt > "$output/bad/wrong-usage.yaml" <<'EOF'
A client's certificate for a server: its extended key usage lacks serverAuth.

Expect PUBLIC_KEY_CERTIFICATE_IS_INVALID (525).
EOF

server wrong-name www.example.com
{
  about <<'EOF'
A good certificate for another host than the one that is asked for.

Expect PUBLIC_KEY_CERTIFICATE_IS_INVALID (525); the message says which names it has.
EOF
  tls_secret wrong-name-source wrong-name.key wrong-name.crt issuing.crt
  imported wrong-name 'PUBLIC_KEY_CERTIFICATE_IS_INVALID 525' NameMissing <<'EOF'
certificateRef:
  name: wrong-name-source
dnsNames:
- shop.example.com
targets:
- secretName: wrong-name-tls
EOF
} > "$output/bad/wrong-name.yaml"

server locked-key locked.example.com
openssl pkcs8 -topk8 -v2 aes-256-cbc -in locked-key.key -passout pass:example-password -out locked.key
bad_upload locked-key 'PRIVATE_KEY_IS_INVALID 526' KeyInvalid locked.key locked-key.crt issuing.crt \
  > "$output/bad/locked-key.yaml" <<'EOF'
The key is encrypted and no password is named (`privateKeyRef.passwordRef`).

Expect PRIVATE_KEY_IS_INVALID (526).
EOF

server wrong-password password.example.com
openssl pkcs8 -topk8 -v2 aes-256-cbc -in wrong-password.key -passout pass:example-password -out password.key
{
  about <<'EOF'
The key is encrypted with another password.

Expect PRIVATE_KEY_IS_INVALID (526).
EOF
  tls_secret wrong-password-source password.key wrong-password.crt issuing.crt
  password_secret wrong-password-password another-password
  imported wrong-password 'PRIVATE_KEY_IS_INVALID 526' KeyInvalid <<'EOF'
certificateRef:
  name: wrong-password-source
privateKeyRef:
  name: wrong-password-source
  passwordRef:
    name: wrong-password-password
targets:
- secretName: wrong-password-tls
EOF
} > "$output/bad/wrong-password.yaml"

{
  about <<'EOF'
The Secret that is named does not exist (yet). It is judged within a second of appearing.

Expect NOT_FOUND (404).
EOF
  imported not-found 'NOT_FOUND 404' ReferenceNotFound <<'EOF'
certificateRef:
  name: not-found-source
targets:
- secretName: not-found-tls
EOF
} > "$output/bad/not-found.yaml"

{
  about <<'EOF'
Nothing is named that could be imported.

Expect BAD_REQUEST (400).
EOF
  imported no-source 'BAD_REQUEST 400' InvalidRequest <<'EOF'
targets:
- secretName: no-source-tls
EOF
} > "$output/bad/no-source.yaml"

key arbitrary-key
{
  about <<'EOF'
A self-signed certificate is asked for with the key of an ordinary Secret. Only a PrivateKey lets its key sign.

Expect BAD_REQUEST (400).
EOF
  secret arbitrary-key-source Opaque
  echo 'stringData:'
  text tls.key arbitrary-key.key
  imported arbitrary-key 'BAD_REQUEST 400' InvalidRequest <<'EOF'
privateKeyRef:
  name: arbitrary-key-source
selfSigned: {}
dnsNames:
- arbitrary.example.com
targets:
- secretName: arbitrary-key-tls
EOF
} > "$output/bad/arbitrary-key.yaml"

server entity-type entity.example.com
{
  about <<'EOF'
The type of node is neither SERVER nor COLLECTOR. The other target is written.

Expect BAD_REQUEST (400), for the first target and for the whole.
EOF
  tls_secret entity-type-source entity-type.key entity-type.crt issuing.crt
  imported entity-type 'BAD_REQUEST 400' InvalidRequest <<'EOF'
certificateRef:
  name: entity-type-source
targets:
- secretName: entity-type-wrong-tls
  entityType: ROUTER
  entityId: 1
- secretName: entity-type-tls
  entityType: SERVER
  entityId: 2
EOF
} > "$output/bad/entity-type.yaml"

server target-is-input input.example.com
{
  about <<'EOF'
The target is the Secret that the upload is in: the next upload and what is served would overwrite each other.

Expect BAD_REQUEST (400).
EOF
  tls_secret target-is-input-source target-is-input.key target-is-input.crt issuing.crt
  imported target-is-input 'BAD_REQUEST 400' InvalidRequest <<'EOF'
certificateRef:
  name: target-is-input-source
targets:
- secretName: target-is-input-source
EOF
} > "$output/bad/target-is-input.yaml"

server foreign-target foreign.example.com
server foreign-target-old foreign.example.com
{
  about <<'EOF'
The target exists and belongs to somebody else, who has not consented; see good/adopt.yaml.

Expect GENERAL_ERROR_WHILE_STORING_CERTIFICATE (527); the message ends with the command that consents.
EOF
  tls_secret foreign-target-source foreign-target.key foreign-target.crt issuing.crt
  tls_secret foreign-target-tls foreign-target-old.key foreign-target-old.crt issuing.crt
  imported foreign-target 'GENERAL_ERROR_WHILE_STORING_CERTIFICATE 527' TargetNotOwned <<'EOF'
certificateRef:
  name: foreign-target-source
targets:
- secretName: foreign-target-tls
EOF
} > "$output/bad/foreign-target.yaml"

"${PYTHON:-python3}" - > public-expired.crt <<'EOF'
from pathlib import Path

import cryptography_vectors

folder = Path(cryptography_vectors.__file__).parent / "x509"
for name in ("cryptography.io.pem", "rapidssl_sha256_ca_g3.pem"):
    print((folder / name).read_text().strip())
EOF
{
  about <<'EOF'
A real certificate with its real chain, that of a well-known web site of 2014, only watched.

Expect CERTIFICATE_IS_EXPIRED (525).
EOF
  imported public-expired 'CERTIFICATE_IS_EXPIRED 525' Expired <<EOF
certificate: |
$(sed 's/^/  /' public-expired.crt)
EOF
} > "$output/bad/public-expired.yaml"

issuing_ca revoking 4
issue revoked '/C=DE/O=Example GmbH/CN=revoked.example.com' revoking "$(server_extensions revoked.example.com)"
crl revoked revoking "$start" "$end" revoked
{
  about <<'EOF'
A certificate that its issuer has revoked.

Expect CERTIFICATE_CHAIN_IS_INVALID (522), reason Revoked: what was served before would stay served.
EOF
  tls_secret revoked-source revoked.key revoked.crt revoking.crt
  config_map revoked-issuer ca.crt revoking.crt
  revocation_source revoked 'Valid 0' <<EOF
crl: |
$(sed 's/^/  /' revoked.crl)
issuerRef:
  kind: ConfigMap
  name: revoked-issuer
EOF
  imported revoked 'CERTIFICATE_CHAIN_IS_INVALID 522' Revoked <<'EOF'
certificateRef:
  name: revoked-source
trust:
  revocation: Prefer
targets:
- secretName: revoked-tls
EOF
} > "$output/bad/revoked.yaml"

issuing_ca forgetting 5
issue list-expired '/C=DE/O=Example GmbH/CN=forgotten.example.com' forgetting \
  "$(server_extensions forgotten.example.com)"
crl list-expired forgetting "$start" 20240201000000Z
{
  about <<'EOF'
A revocation list that nobody has renewed: it vouches for nothing any more.

Expect CERTIFICATE_CHAIN_IS_INVALID (522), reason CRLExpired, and the same of the RevocationSource (2034).
EOF
  tls_secret list-expired-source list-expired.key list-expired.crt forgetting.crt
  config_map list-expired-issuer ca.crt forgetting.crt
  revocation_source list-expired 'CRLExpired 2034' <<EOF
crl: |
$(sed 's/^/  /' list-expired.crl)
issuerRef:
  kind: ConfigMap
  name: list-expired-issuer
EOF
  imported list-expired 'CERTIFICATE_CHAIN_IS_INVALID 522' CRLExpired <<'EOF'
certificateRef:
  name: list-expired-source
trust:
  revocation: Prefer
targets:
- secretName: list-expired-tls
EOF
} > "$output/bad/list-expired.yaml"

crl list-of-another other-root "$start" "$end"
{
  about <<'EOF'
A revocation list of another CA than the one that is named.

Expect CRLIssuerNotFound (2031): only a list whose signature was verified is used.
EOF
  config_map list-of-another-issuer ca.crt root.crt
  revocation_source list-of-another 'CRLIssuerNotFound 2031' <<EOF
crl: |
$(sed 's/^/  /' list-of-another.crl)
issuerRef:
  kind: ConfigMap
  name: list-of-another-issuer
EOF
} > "$output/bad/list-of-another.yaml"

{
  about <<'EOF'
A host that the operator may not ask: its settings name none.

Expect HostNotAllowed (-1); the message names the setting.
EOF
  revocation_source list-not-allowed 'HostNotAllowed -1' <<'EOF'
url: http://crl.example.com/issuing.crl
EOF
} > "$output/bad/list-not-allowed.yaml"

# bad_ca NAME EXPECT REASON: head from standard input, then a decision about NAME.crt
bad_ca() {
  about
  group=$1 reasons=$3 decision "$1" "$2" "$1.crt"
}

server leaf-as-ca leaf.example.com
bad_ca leaf-as-ca 'untrusted 2012' UsageMismatch > "$output/bad/leaf-as-ca.yaml" <<'EOF'
The certificate of a server, where that of its CA belongs.

Expect untrusted (2012): no store takes it, whatever the decision says.
EOF

issue ca-without-certsign '/C=DE/O=Example GmbH/CN=Example Modest CA' ca-without-certsign \
  "${ca_extensions/keyCertSign,/}"
bad_ca ca-without-certsign 'untrusted 2012' UsageMismatch > "$output/bad/ca-without-certsign.yaml" <<'EOF'
A CA whose key usage lacks keyCertSign: programs that follow RFC 5280 accept nothing that it issues.

Expect untrusted (2012).
EOF

group=expired-ca
issue expired-ca '/C=DE/O=Example GmbH/CN=Example Root CA 2024' expired-ca "$ca_extensions" "$start" 20250101000000Z
{
  about <<'EOF'
An expired CA among good ones: it is left out, the store says so, and deploys the others.

Expect expired (2003); the store is in order all the same.
EOF
  reasons=Expired decision expired-ca 'expired 2003' expired-ca.crt
  decision expired-ca-current 'trusted 0' root.crt
  store expired-ca 'Valid 100' CertificateLeftOut
} > "$output/bad/expired-ca.yaml"

group=untrusted-root
server untrusted-root untrusted.example.com
{
  about <<'EOF'
A complete chain, to a root that the store does not trust.

Expect CERTIFICATE_CHAIN_IS_INVALID (522); the message says which root is missing, and in which store.
EOF
  decision untrusted-root-other 'trusted 0' other-root.crt
  store untrusted-root 'Valid 100'
  tls_secret untrusted-root-source untrusted-root.key untrusted-root.crt issuing.crt
  imported untrusted-root 'CERTIFICATE_CHAIN_IS_INVALID 522' IssuerNotFound <<'EOF'
certificateRef:
  name: untrusted-root-source
trust:
  storeRef:
    kind: TrustStore
    name: untrusted-root
targets:
- secretName: untrusted-root-tls
EOF
} > "$output/bad/untrusted-root.yaml"

# ---- refused: not even stored by the API server ---------------------------------------------------------------------

not_a_key='-----BEGIN PRIVATE KEY-----
this-would-be-a-key
-----END PRIVATE KEY-----'

{
  about <<'EOF'
A private key, where everybody who may read the object could read it. Nothing is stored, and the answer does not
repeat it.
EOF
  refused private-key "must hold certificates only" <<EOF
certificate: |
$(sed 's/^/  /' <<< "$not_a_key")
EOF
} > "$output/refused/private-key.yaml"

{
  about <<'EOF'
The same in base64.
EOF
  refused private-key-base64 "must hold certificates only" <<EOF
certificateRef:
  name: upload
chain: $(base64 -w 0 <<< "$not_a_key")
EOF
} > "$output/refused/private-key-base64.yaml"

{
  about <<'EOF'
Two sources, of which one would be ignored.
EOF
  refused two-sources 'must not be set together with `certificate`' <<EOF
certificate: |
$(sed 's/^/  /' inline.crt)
certificateRef:
  name: upload
EOF
} > "$output/refused/two-sources.yaml"

{
  about <<'EOF'
A key of a size that nobody uses.
EOF
  refused_key key-size 'must be 256, 384 or 521 for ECDSA' <<'EOF'
secretName: key-size
algorithm: RSA
size: 1000
EOF
} > "$output/refused/key-size.yaml"

{
  about <<'EOF'
A key store under the name that the PEM form has.
EOF
  refused reserved-key 'must be none of `tls.crt`, `tls.key` and `ca.crt`' <<'EOF'
certificateRef:
  name: upload
targets:
- secretName: reserved-key-tls
  formats:
  - type: PKCS12
    key: tls.key
    passwordRef:
      name: reserved-key-password
EOF
} > "$output/refused/reserved-key.yaml"

{
  about <<'EOF'
The same target twice.
EOF
  refused same-target 'spec.targets[1]: Duplicate value' <<'EOF'
certificateRef:
  name: upload
targets:
- secretName: same-target-tls
- secretName: same-target-tls
EOF
} > "$output/refused/same-target.yaml"

{
  about <<'EOF'
A network, where an address belongs.
EOF
  refused not-an-address 'must hold only IPv4 and IPv6 addresses' <<'EOF'
certificateRef:
  name: upload
ipAddresses:
- 192.0.2.0/24
EOF
} > "$output/refused/not-an-address.yaml"

{
  about <<'EOF'
An object without a wish.
EOF
  refused no-spec 'spec: Required value' < /dev/null
} > "$output/refused/no-spec.yaml"

{
  about <<'EOF'
Two places to take a list from.
EOF
  refused_source two-lists 'must not be set together with `crlRef`' <<'EOF'
crlRef:
  name: lists
url: http://crl.example.com/issuing.crl
EOF
} > "$output/refused/two-lists.yaml"

{
  about <<'EOF'
No place to take a list from.
EOF
  refused_source no-list 'must be set, or else `crlRef` or `url`' <<'EOF'
issuerRef:
  name: issuer
EOF
} > "$output/refused/no-list.yaml"

{
  about <<'EOF'
An interval of fetches, and nothing to fetch.
EOF
  refused_source interval-without-url 'must not be set without `url`' <<'EOF'
crlRef:
  name: lists
intervalSeconds: 3600
EOF
} > "$output/refused/interval-without-url.yaml"

{
  about <<'EOF'
A private key beside the certificate of a CA.
EOF
  printf -- '---\napiVersion: certwright.io/v1alpha1\nkind: TrustDecision\nmetadata:\n  name: key-in-decision\n'
  printf '  annotations:\n    examples.certwright.io/refused: "must hold certificates only"\nspec:\n  certificate: |\n'
  indent root.crt
  indent <<< "$not_a_key"
} > "$output/refused/key-in-decision.yaml"
