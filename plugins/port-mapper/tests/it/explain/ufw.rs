//! Debian's ufw, with its own rules.

use super::testbed::Explained;
use crate::common::unpacked;

/// Installs ufw below /run, as its package does, and defines the command.
const UFW: &str = r#"
    if [ ! -e /run/ufw ]; then
        cp --archive 'TREE' /run/ufw
        cd /run/ufw/usr/share/ufw
        cp iptables/*.rules ufw.conf before.init after.init /run/ufw/etc/ufw
    fi
    ufw() {
        PYTHONPATH=/run/ufw/usr/lib/python3/dist-packages PYTHONDONTWRITEBYTECODE=1 \
            /run/ufw/usr/sbin/ufw --rootdir=/run/ufw --datadir=/run/ufw "$@"
    }
"#;

#[test]
fn ufw_that_denies_routed_packets_is_named_and_its_remedy_works() {
    let explained = Explained::new("iptables");
    let ufw = UFW.replace("TREE", &unpacked("ufw").display().to_string());
    let status = explained.host().sh(&format!("{ufw} ufw --force enable; ufw status verbose"));
    assert!(status.contains("deny (routed)"), "{status}");
    explained.is_dropped();
    let remedy = "ufw route allow proto tcp to 192.168.0.2 port 80";
    explained.fails("firewall", &["policy", remedy]);
    explained.remedy_works_after(&ufw);
    let status = explained.host().sh(&format!("{ufw} ufw status"));
    assert!(status.contains("192.168.0.2 80/tcp") && status.contains("ALLOW FWD"), "{status}");
}
