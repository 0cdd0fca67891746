//! Removes what differs between runs: temporary directories, random names and addresses.

/// Returns the text without what differs between runs.
pub(crate) fn scrub(text: &str) -> String {
    let text = replace(text, "/cni-conformance-", "/cni-conformance-…", |c| {
        c.is_ascii_digit() || c == '-'
    });
    let text = random_links(&text);
    let words = text.split_inclusive(|c: char| c.is_whitespace() || "\",".contains(c));
    words.map(|word| if is_random_mac(word) { blank(word) } else { word.to_owned() }).collect()
}

/// Replaces each `start`, together with the characters after it that match `more`, by `end`.
fn replace(text: &str, start: &str, end: &str, more: impl Fn(char) -> bool) -> String {
    let mut parts = text.split(start);
    let mut done = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        done.push_str(end);
        done.push_str(part.trim_start_matches(&more));
    }
    done
}

/// Replaces `veth` and eight random digits.
fn random_links(text: &str) -> String {
    let mut parts = text.split("veth");
    let mut done = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.chars().take(8).filter(char::is_ascii_hexdigit).count();
        done.push_str(if digits == 8 { "veth…" } else { "veth" });
        done.push_str(if digits == 8 { &part[8..] } else { part });
    }
    done
}

fn mac(word: &str) -> &str {
    word.trim_matches(|c: char| c.is_whitespace() || "\",".contains(c))
}

/// Returns whether a word is a random MAC address; those that the harness assigns begin with 02.
fn is_random_mac(word: &str) -> bool {
    let parts: Vec<&str> = mac(word).split(':').collect();
    let hex = |part: &&str| part.len() == 2 && part.chars().all(|c| c.is_ascii_hexdigit());
    parts.len() == 6 && parts.iter().all(hex) && !matches!(parts[0], "02" | "00" | "ff")
}

fn blank(word: &str) -> String {
    word.replace(mac(word), "…:…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_runs_is_removed() {
        let seen = scrub("+ links: veth1a2b3c4d up, in /tmp/cni-conformance-123-45/delegate");
        assert_eq!(seen, "+ links: veth… up, in /tmp/cni-conformance-…/delegate");
        assert_eq!(
            scrub(r#"{"mac":"ea:12:9f:00:01:02","x":1}"#),
            r#"{"mac":"ea:12:9f:00:01:02","x":1}"#.replace("ea:12:9f:00:01:02", "…:…")
        );
    }

    #[test]
    fn what_is_the_same_in_all_runs_is_kept() {
        for text in ["veth pair", "02:77:00:00:01:02", "00:00:00:00:00:00", "fd00:77::2/64", "é"] {
            assert_eq!(scrub(text), text);
        }
    }
}
