//! What rustdoc's page of an item contains.

/// The kinds of parts whose text is on a line of its own, by the class of their element and the end
/// of their text.
const PARTS: [(&str, &str); 7] = [
    ("structfield section-header", "</code>"),
    ("section-header", "</code>"), // a field of a variant
    ("variant", "</h3>"),
    ("method", "</h4>"),
    ("associatedconstant", "</h4>"),
    ("associatedtype", "</h4>"),
    ("impl", "</h3>"),
];

/// Sections of a page about what other crates and the compiler add, and what is on another page.
const FOREIGN: [&str; 4] = ["synthetic-", "blanket-", "deref-methods", "implementors"];

/// Returns the pages that the list of all items names.
pub(super) fn listed(all: &str) -> Vec<String> {
    let lists = all.split("class=\"all-items\"").skip(1);
    let lists = lists.filter_map(|rest| rest.split("</ul>").next());
    let links = lists.flat_map(|list| list.split("href=\"").skip(1));
    links.filter_map(|link| link.split('"').next()).map(str::to_owned).collect()
}

/// `cni_x`, `kit/struct.Store.html` → `cni_x::kit::Store`.
pub(super) fn path(krate: &str, page: &str) -> String {
    let (modules, file) = page.rsplit_once('/').unwrap_or(("", page));
    let name = file.split('.').nth(1).unwrap_or(file);
    let modules = modules.split('/').filter(|module| !module.is_empty());
    [krate].into_iter().chain(modules).chain([name]).collect::<Vec<_>>().join("::")
}

/// Returns the lines of an item: its declaration, and each of its parts.
pub(super) fn items(path: &str, page: &str) -> Vec<String> {
    let declaration = page.split_once("<pre class=\"rust item-decl\">").map(|(_, rest)| rest);
    let declaration = declaration.and_then(|rest| rest.split("</pre>").next()).unwrap_or_default();
    let own = format!("{path}: {}", head(&text(declaration)));
    let sections = page.split("<h2 id=\"").enumerate().filter(|(number, section)| {
        *number == 0 || !FOREIGN.iter().any(|foreign| section.starts_with(foreign))
    });
    let parts = sections.flat_map(|(_, section)| parts(section));
    [own].into_iter().chain(parts.map(|part| format!("{path}: {part}"))).collect()
}

/// Returns a declaration without its fields, variants or methods, which are parts.
fn head(declaration: &str) -> &str {
    let is_body =
        ["struct ", "enum ", "union ", "trait "].iter().any(|kind| declaration.contains(kind));
    let end = declaration.find('{').filter(|_| is_body && !declaration.contains("macro_rules!"));
    declaration[..end.unwrap_or(declaration.len())].trim_end()
}

fn parts(section: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for element in section.split(" id=\"").skip(1) {
        let Some((id, rest)) = element.split_once("\" class=\"") else { continue };
        let class = rest.split('"').next().unwrap_or_default();
        let Some((_, end)) = PARTS.iter().find(|(name, _)| *name == class) else { continue };
        let Some((part, _)) = rest.split_once(end) else { continue };
        let begin = if *end == "</code>" { "<code>" } else { "class=\"code-header\">" };
        let Some((_, part)) = part.split_once(begin) else { continue };
        let part = text(part);
        // The header of methods; a trait that the compiler needs for patterns.
        if class == "impl" && (!part.contains(" for ") || part.contains("StructuralPartialEq")) {
            continue;
        }
        let variant = id.strip_prefix("variant.").and_then(|id| id.split_once(".field."));
        let variant = variant.map(|(variant, _)| format!("{variant}."));
        parts.push(format!("{}{part}", variant.unwrap_or_default()));
    }
    parts
}

/// Returns the text of HTML on one line.
fn text(html: &str) -> String {
    let mut text = String::new();
    for piece in html.split('<') {
        // A tag, and what follows it. Attributes and `where` are on lines of their own.
        if piece.starts_with("div") || piece.starts_with("/div") {
            text.push(' ');
        }
        text.push_str(piece.split_once('>').map_or(piece, |(_, rest)| rest));
    }
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    text.replace('ⓘ', "").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_listed_with_their_paths() {
        let all = r#"<a href="x.html">not this</a><ul class="all-items"><li>
            <a href="struct.A.html">A</a></li><li><a href="kit/fn.b.html">kit::b</a></li></ul>
            <ul class="all-items"><li><a href="macro.c.html">c</a></li></ul>"#;
        let paths: Vec<String> = listed(all).iter().map(|page| path("k", page)).collect();
        assert_eq!(paths, ["k::A", "k::kit::b", "k::c"]);
    }

    #[test]
    fn an_item_and_each_of_its_parts_is_a_line() {
        let page = r##"<pre class="rust item-decl"><code>pub struct A&lt;T&gt; {
    pub a: <a href="x">u8</a>,
}</code></pre><h2 id="fields" class="fields section-header">Fields</h2>
<span id="structfield.a" class="structfield section-header"><code>a: <a href="x">u8</a></code>
</span>
<h2 id="implementations">
<section id="impl-A%3CT%3E" class="impl"><h3 class="code-header">impl&lt;T&gt;
A&lt;T&gt;</h3><section id="method.new" class="method"><h4 class="code-header">pub fn
<a href="#method.new">new</a>() -&gt; Self</h4></section>
<h2 id="trait-implementations"><section id="impl-Clone-for-A" class="impl">
<h3 class="code-header">impl Clone for A</h3>
<section id="method.clone" class="method trait-impl"><h4 class="code-header">fn clone()</h4>
<h2 id="synthetic-implementations"><section id="impl-Send-for-A" class="impl">
<h3 class="code-header">impl Send for A</h3>"##;
        let expected = [
            "k::A: pub struct A<T>",
            "k::A: a: u8",
            "k::A: pub fn new() -> Self",
            "k::A: impl Clone for A",
        ];
        assert_eq!(items("k::A", page), expected);
    }

    #[test]
    fn the_fields_of_a_variant_name_it() {
        let page = r#"<pre class="rust item-decl"><code>pub enum E { V { x: u8 } }</code></pre>
<h2 id="variants"><section id="variant.V" class="variant"><h3 class="code-header">V</h3></section>
<span id="variant.V.field.x" class="section-header"><code>x: u8</code></span>"#;
        assert_eq!(items("k::E", page), ["k::E: pub enum E", "k::E: V", "k::E: V.x: u8"]);
    }
}
