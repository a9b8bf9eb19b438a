#!/bin/sh
# Makes the files with the secrets that docker-compose.yml mounts; leaves alone what is there.
#
#   KHIPU_API_KEY=<the key of your Khipu account> deploy/make-secrets.sh [folder, by default ./secrets]
#
# The folder is yours alone; the files can be read by whoever gets into it, such as the container's user. Keep a
# copy of secret_keys.txt: without it nothing that is open, or in a backup, can be read again.
set -eu
umask 077
folder=${1:-secrets}

# random <bytes>: in base64, on one line
random() {
  head -c "$1" /dev/urandom | base64 | tr -d '\n'
}

# write <name> <content>
write() {
  if [ -e "$folder/$1" ]; then
    echo "$folder/$1 is there already"
  else
    printf '%s\n' "$2" >"$folder/$1.new"
    chmod 444 "$folder/$1.new"
    mv "$folder/$1.new" "$folder/$1"
    echo "$folder/$1 written"
  fi
}

mkdir -p "$folder"
if [ ! -e "$folder/khipu_api_key.txt" ] && [ -z "${KHIPU_API_KEY:-}" ]; then
  echo "set KHIPU_API_KEY to the key of your Khipu account (for the demo: anything)" >&2
  exit 1
fi
write khipu_api_key.txt "${KHIPU_API_KEY:-}"
write secret_keys.txt "k1:$(random 32)"
write api_tokens.txt "operator:$(random 33 | tr '+/' '-_')"
