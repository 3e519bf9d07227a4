#!/usr/bin/env bash
# Starts a Slurm cluster of this machine alone in the folder DIR, from Debian's packages, which are unpacked there and not installed.
#   cluster.sh DIR start    prints nothing and exits with 0 when it takes jobs; 77 if the packages are not to be had
#   cluster.sh DIR stop
set -euo pipefail
dir=$1
root=$dir/root
host=$(hostname -s)

if [ "$2" = stop ]; then
  for name in slurmd slurmctld munged; do
    [ ! -e "$dir/$name.pid" ] || kill "$(cat "$dir/$name.pid")" || true
  done
  exit
fi

mkdir -p "$dir"/{packages,root,state,spool}
mkdir -p -m 0711 "$dir/munge"
if [ ! -x "$root/usr/sbin/slurmd-wlm" ]; then
  cd "$dir/packages"
  wanted=$(apt-get install --simulate --no-install-recommends slurmctld slurmd slurm-client munge 2>/dev/null | awk '/^Inst/ {print $2}') || exit 77
  # shellcheck disable=SC2086
  [ -n "$wanted" ] && apt-get download --quiet $wanted >/dev/null 2>&1 || exit 77
  for package in *.deb; do dpkg -x "$package" "$root"; done
fi

libraries=$root/usr/lib/$(uname -m)-linux-gnu
cat > "$dir/env.sh" <<END
export SLURM_CONF=$dir/slurm.conf
export LD_LIBRARY_PATH=$libraries:$libraries/slurm-wlm
export PATH=$root/usr/bin:$root/usr/sbin:\$PATH
END
. "$dir/env.sh"

# Two partitions: jobs of the urgent one preempt those of the other, which are requeued.
cat > "$dir/slurm.conf" <<END
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CredType=cred/munge
PluginDir=$libraries/slurm-wlm
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
SlurmctldPort=16827
SlurmdPort=16828
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SchedulerParameters=default_queue_depth=100,batch_sched_delay=1
ReturnToService=2
KillWait=10
MailProg=/bin/true
PreemptMode=REQUEUE
PreemptType=preempt/partition_prio
JobRequeue=1
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE
PartitionName=urgent Nodes=$host MaxTime=INFINITE State=UP PriorityTier=10
END

head -c 1024 /dev/urandom > "$dir/munge/key"
chmod 400 "$dir/munge/key"
munged --force --key-file="$dir/munge/key" --socket="$dir/munge/socket" --pid-file="$dir/munged.pid" \
  --log-file="$dir/munge/log" --seed-file="$dir/munge/seed" --num-threads=1
setsid slurmctld-wlm -D -i > "$dir/slurmctld.out" 2>&1 < /dev/null &
sleep 1
setsid slurmd-wlm -D -N "$host" -d "$root/usr/sbin/slurmstepd-wlm" > "$dir/slurmd.out" 2>&1 < /dev/null &
for _ in $(seq 80); do
  if sinfo --noheader --format=%T 2>/dev/null | grep -q idle; then exit 0; fi
  sleep 0.25
done
echo "no idle node after 20 s; see $dir/slurmctld.log" >&2
exit 1
