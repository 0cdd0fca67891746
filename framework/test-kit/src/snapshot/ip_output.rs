//! Reads the output of `ip -oneline` into lines to compare, without indexes, times and other values
//! that change on their own.

/// Returns the section of a snapshot that a line belongs to, and its text there.
///
/// Returns `None` for what the kernel adds on its own, such as link-local addresses.
pub(crate) fn read(line: &str) -> Option<(&'static str, String)> {
    let numbered = line.split_once(':').filter(|(number, _)| number.parse::<u32>().is_ok());
    match numbered {
        Some((_, rest)) if rest.starts_with('\t') => Some(("rules", line.to_owned())),
        // An IPv6 route may begin with a number and a colon too, but not followed by a space.
        Some((_, rest)) if rest.starts_with(' ') => {
            let words: Vec<&str> = rest.split_whitespace().collect();
            match words.as_slice() {
                [name, flags, rest @ ..] if flags.starts_with('<') => {
                    Some(("links", link(name, flags, rest)))
                }
                [name, _, address, ..] => {
                    let own = !address.starts_with("fe80:");
                    own.then(|| ("addresses", format!("{name} {address}")))
                }
                _ => None,
            }
        }
        _ => route(line).map(|route| ("routes", route)),
    }
}

/// Reports whether each IPv6 address of a link with carrier has its `local` route.
pub(crate) fn is_settled(lines: &str) -> bool {
    let mut carriers = Vec::new();
    let mut addresses = lines.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [_, name, flags, ..] if flags.starts_with('<') && flags.contains("LOWER_UP") => {
                carriers.push(bare(name));
                None
            }
            // Snapshots leave out link-local addresses.
            [_, name, "inet6", address, ..]
                if carriers.contains(name) && !address.starts_with("fe80:") =>
            {
                Some((*name, address.split('/').next()?))
            }
            _ => None,
        }
    });
    addresses.all(|(name, address)| lines.contains(&format!("\nlocal {address} dev {name} ")))
}

/// Returns the name of a link, without the punctuation of `ip`.
fn bare(name: &str) -> &str {
    name.trim_end_matches(':').split('@').next().unwrap_or_default()
}

fn link(name: &str, flags: &str, rest: &[&str]) -> String {
    let name = bare(name);
    let up = flags.trim_matches(['<', '>']).split(',').any(|flag| flag == "UP");
    let value = |key| rest.iter().skip_while(|word| **word != key).nth(1).copied();
    let master = value("master").map(|master| format!(" master {master}")).unwrap_or_default();
    let (state, mtu) = (if up { "up" } else { "down" }, value("mtu").unwrap_or_default());
    format!("{name} {state} mtu {mtu}{master}")
}

fn route(line: &str) -> Option<String> {
    if line.contains("fe80:") || line.starts_with("multicast ff00::/8") {
        return None;
    }
    let mut words = Vec::new();
    let mut all = line.split(' ');
    while let Some(word) = all.next() {
        match word {
            // The remaining lifetime changes on its own.
            "expires" => drop(all.next()),
            _ => words.push(word),
        }
    }
    Some(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_shown_without_index_and_carrier() {
        let line = "7: eth0@if6: <NO-CARRIER,BROADCAST,UP> mtu 1400 qdisc noqueue master br0 \
                    state DOWN \\    link/ether 02:77:00:00:00:01";
        assert_eq!(read(line), Some(("links", "eth0 up mtu 1400 master br0".to_owned())));
        let line = "1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN mode DEFAULT";
        assert_eq!(read(line), Some(("links", "lo down mtu 65536".to_owned())));
    }

    #[test]
    fn an_address_is_shown_unless_it_is_link_local() {
        let line = "2: eth0    inet6 fd00::1/64 scope global \\       valid_lft forever";
        assert_eq!(read(line), Some(("addresses", "eth0 fd00::1/64".to_owned())));
        assert_eq!(read("2: eth0    inet6 fe80::1/64 scope link \\  valid_lft forever"), None);
    }

    #[test]
    fn an_address_without_its_route_is_not_settled() {
        let link = "2: eth0@if9: <BROADCAST,UP,LOWER_UP> mtu 1500 qdisc noqueue";
        let address = "2: eth0    inet6 fd00::1/64 scope global \\       valid_lft forever";
        let route = "local fd00::1 dev eth0 table local proto kernel metric 0 pref medium";
        assert!(!is_settled(&format!("{link}\n{address}\n")));
        assert!(is_settled(&format!("{link}\n{address}\n{route}\n")));
        let without_carrier = link.replace("UP,LOWER_UP", "NO-CARRIER,UP");
        assert!(is_settled(&format!("{without_carrier}\n{address}\n")));
    }

    #[test]
    fn routes_and_rules_are_distinguished() {
        let rule = "32766:\tfrom all lookup main";
        assert_eq!(read(rule), Some(("rules", rule.to_owned())));
        let route = read("2001:db8::/64 dev eth0 proto ra metric 256 expires 86sec pref medium");
        let expected = "2001:db8::/64 dev eth0 proto ra metric 256 pref medium";
        assert_eq!(route, Some(("routes", expected.to_owned())));
        assert_eq!(read("multicast ff00::/8 dev eth0 table local metric 256"), None);
        assert_eq!(read("fe80::/64 dev eth0 proto kernel metric 256"), None);
    }
}
