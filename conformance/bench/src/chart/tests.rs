use super::*;
use crate::sample;

/// Returns the texts between the tags of a well-formed document.
fn texts(xml: &str) -> Result<Vec<String>, String> {
    let mut open: Vec<&str> = Vec::new();
    let mut texts = Vec::new();
    let mut rest = xml;
    while let Some((before, after)) = rest.split_once('<') {
        texts.push(unescaped(before)?);
        let (tag, after) = after.split_once('>').ok_or("a tag has no end")?;
        rest = after;
        let name = tag.trim_matches('/').split_whitespace().next().unwrap_or_default();
        if tag.matches('"').count() % 2 == 1 {
            return Err(format!("a quote is missing in <{tag}>"));
        }
        if tag.starts_with('/') {
            let opened = open.pop();
            if opened != Some(name) {
                return Err(format!("{opened:?} is closed by </{name}>"));
            }
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    if open.is_empty() { Ok(texts) } else { Err(format!("never closed: {open:?}")) }
}

fn unescaped(text: &str) -> Result<String, String> {
    let known = ["&amp;", "&lt;", "&gt;"];
    let stray =
        text.match_indices('&').any(|(at, _)| !known.iter().any(|one| text[at..].starts_with(one)));
    if stray || text.contains('>') {
        return Err(format!("not escaped: {text}"));
    }
    Ok(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}

fn chart(figures: &Figures) -> (String, Vec<String>) {
    let svg = draw(figures);
    let texts = texts(&svg).unwrap_or_else(|problem| panic!("{problem}\n{svg}"));
    (svg, texts)
}

#[test]
fn the_chart_is_well_formed_and_names_every_row_number_and_verb() {
    let figures = sample::figures();
    let (svg, texts) = chart(&figures);
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    for row in &figures.rows {
        let count = texts.iter().filter(|text| **text == row.name).count();
        assert_eq!(count, 2, "{} is named in each panel", row.name);
    }
    for text in ["ADD", "DEL", "0", "100", "1,000", "10,000", "1 ms", "10 ms"] {
        assert!(texts.iter().any(|other| other == text), "{text} is missing");
    }
}

#[test]
fn a_name_may_contain_any_character() {
    let mut figures = sample::figures();
    figures.rows[3].name = "a<b> & c".to_owned();
    assert!(chart(&figures).1.contains(&"a<b> & c".to_owned()));
}

#[test]
fn a_slower_row_is_higher() {
    let mut figures = sample::figures();
    sample::set(&mut figures, "portmap iptables-nft", 10_000, 400.0, 400.0);
    let (svg, _) = chart(&figures);
    let heights: Vec<f64> = svg
        .lines()
        .filter(|line| line.contains("circle class=\"row3\""))
        .filter_map(|line| line.split("cy=\"").nth(1)?.split('"').next()?.parse().ok())
        .collect();
    assert_eq!(heights.len(), 8);
    assert!(heights[3] < heights[2], "{heights:?}");
}

#[test]
fn light_and_dark_pages_have_different_colours() {
    let (svg, _) = chart(&sample::figures());
    let (light, dark) = svg.split_once("prefers-color-scheme:dark").expect("a dark part");
    assert!(light.contains(OURS[0][0]) && dark.contains(OURS[0][1]));
}

#[test]
fn a_row_without_figures_is_not_drawn_and_one_that_was_measured_once_is_level() {
    let mut figures = sample::figures();
    figures.rows[0].calls.clear();
    figures.rows[5].calls.truncate(1);
    let (svg, texts) = chart(&figures);
    assert!(!texts.contains(&"nftables".to_owned()));
    let level =
        svg.lines().find(|line| line.contains("path class=\"row4 baseline\"")).expect("a line");
    let path = level.split("d=\"M").nth(1).and_then(|path| path.split('"').next()).expect("a path");
    let heights: Vec<&str> = path.split('L').filter_map(|point| point.split(' ').nth(1)).collect();
    assert_eq!(heights.len(), 2);
    assert_eq!(heights[0], heights[1]);
}
