//! Programs that fall under a rule by their name, and those that only handle text.

use super::catalogue::*;

/// Programs that fall under a rule whatever they are given (asking for help or a version excepted).
pub(crate) const PROGRAMS: &[(Rule, &str)] = &[
    (
        PRIVILEGE,
        "sudo sudo-rs run0 dzdo pfexec ksu doas su pkexec runuser sudoedit visudo passwd chpasswd useradd usermod userdel adduser deluser groupadd gpasswd newgrp sg chsh chfn setcap",
    ),
    (
        NAMESPACE,
        "nsenter unshare chroot pivot_root switch_root mount umount fusermount fusermount3 losetup insmod modprobe rmmod kexec bpftool iptables ip6tables nft ufw firewall-cmd setenforce aa-disable aa-teardown capsh bwrap firejail setpriv machinectl systemd-nspawn lxc lxd incus runc crun ctr nerdctl",
    ),
    (
        DISK,
        "mkfs mke2fs mkswap swapon swapoff wipefs fdisk sfdisk cfdisk gdisk sgdisk parted partprobe blkdiscard hdparm sdparm nvme cryptsetup lvremove vgremove pvremove mdadm badblocks zpool zfs btrfs diskutil fstrim debugfs resize2fs tune2fs fsck",
    ),
    (EXHAUST, "stress stress-ng"),
    (KILL_ALL, "killall5"),
    (POWER, "shutdown reboot halt poweroff init telinit"),
    (
        PERSIST,
        "at batch systemd-run launchctl loginctl update-rc.d chkconfig atrm anacron incrontab pm2 osascript dbus-send gdbus busctl xdotool ydotool",
    ),
    (TRACE, "reptyr gcore pyrasite py-spy frida dtrace bpftrace"),
    (HISTORY, "history fc"),
    (
        DESKTOP,
        "pbpaste wl-paste scrot maim grim gnome-screenshot spectacle flameshot screencapture arecord",
    ),
    (
        CREDENTIALS,
        "security secret-tool kwallet-query pass gopass op bw lpass keyctl ssh-add ssh-agent aws-vault vault chamber",
    ),
    (LOOM, "loom loomd loomctl loom-tui loom-mcp"),
    (
        SYSTEM_PACKAGES,
        "apt apt-get aptitude dpkg dnf yum rpm microdnf pacman yay paru apk brew port snap flatpak zypper emerge xbps-install nix-env nix-channel pkg pkg_add choco winget scoop softwareupdate",
    ),
    (
        REMOTE_STATE,
        "aws gcloud gsutil bq az kubectl oc helm heroku fly flyctl vercel netlify firebase wrangler doctl linode-cli ibmcloud oci s3cmd rclone mc eksctl ansible ansible-playbook vagrant packer pulumi cdk serverless sls sam amplify railway gh glab hub cf nomad consul",
    ),
    (
        NETWORK,
        "curl wget aria2c axel http https httpie xh lynx links w3m elinks ftp lftp tftp sftp scp rsync ssh mosh sshpass autossh telnet nc ncat netcat socat ping ping6 traceroute tracepath mtr dig nslookup host whois nmap masscan arp-scan tcpdump tshark openvpn wg wg-quick tailscale cloudflared ngrok lt youtube-dl yt-dlp git-lfs nmcli iwctl croc magic-wormhole wormhole rsh rlogin rcp websocat wscat grpcurl ssh-copy-id ssh-keyscan bore frpc chisel transmission-cli ipfs",
    ),
    (
        PUBLISH,
        "mail mailx sendmail mutt msmtp swaks twine transfer",
    ),
    (
        CONTAINER,
        "docker podman docker-compose podman-compose buildah skopeo minikube kind k3s k3d colima lima limactl virsh virt-install qemu-system-x86_64 VBoxManage multipass",
    ),
    (DATABASE, "dropdb dropuser pg_restore mongorestore"),
    (ENVIRONMENT, "printenv"),
    (
        OUTLIVES,
        "setsid nohup daemonize disown screen tmux dtach start-stop-daemon zellij byobu",
    ),
    (
        SERVICES,
        "systemctl service rc-service initctl supervisorctl sysctl hostnamectl timedatectl date-set hwclock localectl crontab-edit",
    ),
    (KILL_BY_NAME, "pkill killall skill xkill"),
    (
        INSTALL,
        "npx bunx uvx pipx rustup nvm fnm volta asdf mise pyenv-install sdkman sdk ghcup corepack easy_install conda mamba micromamba",
    ),
];

/// Programs that make no use of the network, and run nothing but what is judged by itself.
pub(crate) const OFFLINE: &str = "cd pushd popd ls cat head tail wc sort uniq cut tr grep rg mkdir rmdir cp mv rm touch ln chmod tee diff find xargs env eval export stat du df file";

/// Programs whose operands are only text.
pub(crate) const TEXT_ONLY: &str = "echo printf : true false man info whatis apropos which type whereis help hash tldr basename dirname seq expr let sleep wait jobs test [ [[ return exit break continue shift set unset ulimit umask getopts bc factor figlet cowsay banner logger yes tput stty tty uname whoami id hostname date cal uptime arch nproc pgrep ps";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_program_is_listed_twice() {
        let mut names: Vec<&str> = PROGRAMS
            .iter()
            .flat_map(|(_, names)| names.split(' '))
            .collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
