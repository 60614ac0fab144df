# A program that knows nothing of phd: it prints the time, and ends when it is told to.
trap 'echo "bye"; exit 0' TERM
while :; do
  echo "${GREETING:-tick} $1 $(date +%T)"
  sleep 5 &
  wait $!
done
