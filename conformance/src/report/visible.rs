//! Makes text from plugins safe to show on a terminal and in Markdown.

use std::fmt::Write;

/// Escapes characters that control a terminal or change the direction of text, as `\u001b`.
pub(super) fn visible(text: &str) -> String {
    text.chars().fold(String::new(), |mut text, c| {
        match c {
            '\n' | '\t' => text.push(c),
            c if is_hidden(c) => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
        text
    })
}

/// Returns whether a character is a control character, has no width, or changes the text direction.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn no_control_sequence_reaches_a_terminal() {
        let seen = visible("\u{1b}]0;title\u{7} é\u{202e}\u{9b}m\n\tx\r");
        assert_eq!(seen, "\\u001b]0;title\\u0007 é\\u202e\\u009bm\n\tx\\u000d");
    }
}
