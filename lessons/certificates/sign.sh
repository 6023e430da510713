# Sourced by what makes certificates, in the folder that they are for: needs openssl.
#
#   key NAME                                          NAME.key, a new one
#   sign NAME AUTHORITY FROM TO SUBJECT EXTENSION...  NAME.pem, of NAME.key; itself its authority: root
#
# from and to are the times between which they are good, unless a test wants others.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
from=20200101000000Z
to=21200101000000Z

key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null
}

# sign NAME AUTHORITY FROM TO SUBJECT EXTENSIONS...: NAME.pem for NAME.key
sign() {
    name=$1 authority=$2 begin=$3 end=$4 subject=$5
    shift 5
    {
        echo '[ca]'
        echo 'default_ca = all'
        echo '[all]'
        echo "database = $work/index"
        echo "new_certs_dir = $work"
        echo 'rand_serial = yes'
        echo 'default_md = sha256'
        echo 'policy = any'
        echo 'unique_subject = no'
        echo 'x509_extensions = extensions'
        echo '[any]'
        echo 'organizationName = optional'
        echo 'commonName = supplied'
        echo '[req]'
        echo 'distinguished_name = none'
        echo '[none]'
        echo '[extensions]'
        printf '%s\n' "$@"
    } >"$work/config"
    : >"$work/index"
    openssl req -new -key "$name.key" -subj "$subject" -config "$work/config" -out "$work/request"
    if [ "$authority" = "$name" ]; then
        set -- -selfsign
    else
        set -- -cert "$authority.pem"
    fi
    openssl ca -batch -notext -config "$work/config" "$@" -keyfile "$authority.key" \
        -startdate "$begin" -enddate "$end" -in "$work/request" -out "$name.pem" 2>/dev/null
}
