//! The elements of nft's sets, one on each line and sorted: nft lists as many on a line as fit, in
//! the order of a hash table.

/// Begins the elements of a set.
const BEGIN: &str = "elements = {";

/// Returns the lines of a listing with one element on each, sorted, so that an element that is
/// added or removed does not make others differ.
pub(super) fn one_on_each_line(lines: &[String]) -> Vec<String> {
    let (mut apart, mut elements) = (Vec::new(), Vec::new());
    let mut is_inside = false;
    for line in lines {
        let begun = line.trim_start().strip_prefix(BEGIN);
        is_inside |= begun.is_some();
        if !is_inside {
            apart.push(line.clone());
            continue;
        }
        let text = begun.unwrap_or(line).trim();
        let is_end = text.ends_with('}');
        let parts = split(text.strip_suffix('}').unwrap_or(text));
        elements.extend(parts.into_iter().map(|element| format!("\t\telement {element}")));
        is_inside = !is_end;
        if is_end {
            elements.sort();
            apart.append(&mut elements);
        }
    }
    apart
}

/// Splits at commas outside of comments.
fn split(text: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let parts = text.split(|char| {
        is_quoted ^= char == '"';
        char == ',' && !is_quoted
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_compared_one_by_one_and_in_any_order() {
        let list = |elements: &str| {
            let text = format!("\tset s {{\n\t\ttype ipv4_addr\n{elements}\t}}");
            one_on_each_line(&text.lines().map(str::to_owned).collect::<Vec<_>>())
        };
        let two = "\t\telements = { 10.0.0.1 comment \"a, }\", 10.0.0.3,\n\t\t\t     10.0.0.2 }\n";
        let listed = list(two);
        let expected = ["\t\telement 10.0.0.1 comment \"a, }\"", "\t\telement 10.0.0.2"];
        assert_eq!(listed[2..4], expected);
        assert_eq!(listed[4..], ["\t\telement 10.0.0.3", "\t}"]);
        assert_eq!(list("\t\telements = { 10.0.0.2 }\n")[2..], [expected[1], "\t}"]);
        assert_eq!(list("").len(), 3);
    }
}
