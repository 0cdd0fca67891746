//! A badge: the result as a small picture for a README.

use super::document::{Document, Outcome};

/// The height, and the width of a letter of 11 pixels in Verdana, about.
const HEIGHT: usize = 20;
const LETTER: usize = 7;

/// Returns the badge as SVG: `CNI 0.4.0–1.1.0 | conforms`.
pub fn badge(document: &Document) -> String {
    let range = match (document.versions.first(), document.versions.last()) {
        (Some(first), Some(last)) if first != last => format!("CNI {first}–{last}"),
        (Some(only), _) => format!("CNI {only}"),
        _ => "CNI".to_owned(),
    };
    let failed = document.cases.iter().filter(|case| case.fails(document.level)).count();
    let (result, colour) = match document.result {
        Outcome::Success => ("conforms".to_owned(), "#2e7d32"),
        Outcome::Failure => (format!("{failed} broken"), "#c62828"),
        Outcome::Broken => ("not judged".to_owned(), "#616161"),
    };
    let width = |text: &str| text.chars().count() * LETTER + 10;
    let (left, right) = (width(&range), width(&result));
    let whole = left + right;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{whole}\" height=\"{HEIGHT}\" \
         role=\"img\" aria-label=\"{range}: {result}\"><title>{range}: {result}</title>\
         <rect width=\"{whole}\" height=\"{HEIGHT}\" rx=\"3\" fill=\"#37474f\"/>\
         <rect x=\"{left}\" width=\"{right}\" height=\"{HEIGHT}\" rx=\"3\" fill=\"{colour}\"/>\
         <g fill=\"#fff\" text-anchor=\"middle\" font-family=\"Verdana,Geneva,sans-serif\" \
         font-size=\"11\"><text x=\"{}\" y=\"14\">{range}</text>\
         <text x=\"{}\" y=\"14\">{result}</text></g></svg>\n",
        left / 2,
        left + right / 2,
    )
}
