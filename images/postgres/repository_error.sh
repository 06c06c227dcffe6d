# For sourcing: says in one line why the repository can't be used, by what pgBackRest has said about it.
repository_error() { # FILE
    case $(tr -d '\000' <"$1") in
        *'unable to verify certificate'* | *'unable to find hostname'*)
            echo "the repository's certificate is for another host, or not from the authority that is trusted" ;;
        *NoSuchBucket*) echo "the repository's bucket does not exist" ;;
        # The last is what the stack's own object store calls a key that it does not know.
        *'(Forbidden)'* | *InvalidAccessKeyId* | *XAdminUserNotFound*)
            echo "the repository refuses the access key or the secret key, or does not let it do this" ;;
        *HostConnectError* | *'unable to get address'* | *'timeout connecting'* | *'unable to connect'* | *'no answer'*)
            echo "the repository can't be reached" ;;
        *FormatError* | *'cipher header'* | *CryptoError*)
            echo "the repository is encrypted with another passphrase" ;;
        *'do not match the database'* | *'does not match'*)
            echo "the repository holds the backups of another cluster: give this stack another folder in the bucket," \
                "or let this cluster follow the other one with: pgbackrest --stanza=main stanza-upgrade" ;;
        *) echo "the repository can't be used" ;;
    esac
}
