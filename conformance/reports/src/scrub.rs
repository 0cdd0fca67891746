//! Takes out of a text what is another with every run: directories of one run, names and addresses by chance.

/// The text as it would be in every other run.
pub(crate) fn scrub(text: &str) -> String {
    let text = replace(text, "/cni-conformance-", "/cni-conformance-…", |c| {
        c.is_ascii_digit() || c == '-'
    });
    let text = random_links(&text);
    let words = text.split_inclusive(|c: char| c.is_whitespace() || "\",".contains(c));
    words.map(|word| if is_random_mac(word) { blank(word) } else { word.to_owned() }).collect()
}

/// Every `start`, and the characters after it that are `more`, become `end`.
fn replace(text: &str, start: &str, end: &str, more: impl Fn(char) -> bool) -> String {
    let mut parts = text.split(start);
    let mut done = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        done.push_str(end);
        done.push_str(part.trim_start_matches(&more));
    }
    done
}

/// `veth` and eight digits by chance.
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

/// The addresses that the harness gives begin with 02.
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
    fn what_changes_with_every_run_is_taken_out() {
        let seen = scrub("+ links: veth1a2b3c4d up, in /tmp/cni-conformance-123-45/stand-in");
        assert_eq!(seen, "+ links: veth… up, in /tmp/cni-conformance-…/stand-in");
        assert_eq!(
            scrub(r#"{"mac":"ea:12:9f:00:01:02","x":1}"#),
            r#"{"mac":"ea:12:9f:00:01:02","x":1}"#.replace("ea:12:9f:00:01:02", "…:…")
        );
    }

    #[test]
    fn what_stays_the_same_stays() {
        for text in ["veth pair", "02:77:00:00:01:02", "00:00:00:00:00:00", "fd00:77::2/64", "é"] {
            assert_eq!(scrub(text), text);
        }
    }
}
