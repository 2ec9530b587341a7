#!/bin/sh
# cgroups_guest.sh - the first process of a machine that has the controllers memory and pids: User-Mode
# Linux, started by the stage `controllers` of tests/run.sh.  The root is the host's, read only.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin TMPDIR=/run PYTHONDONTWRITEBYTECODE=1
mount -t proc proc /proc &&
    mount -t sysfs sysfs /sys &&
    mount -t tmpfs tmpfs /run &&
    mkdir -p /dev/shm &&
    mount -t tmpfs tmpfs /dev/shm &&
    mount -t cgroup2 none /sys/fs/cgroup &&
    echo "+memory +pids" >/sys/fs/cgroup/cgroup.subtree_control &&
    ip link set lo up &&
    cd "$(dirname "$0")" &&
    JOBD_TEST_PATIENCE=5 python3 -B -m unittest -v cgroups 2>&1 &&
    echo "cgroups with controllers: passed"
echo o >/proc/sysrq-trigger
exec sleep 1000000
