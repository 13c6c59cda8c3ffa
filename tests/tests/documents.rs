//! What documents name is there: files by their links, and tests in the files that are linked behind their names.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Every document, from the top of the checkout.
fn documents() -> Vec<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a folder of the checkout");
    let below = fs::read_dir(top.join("packaging/doc")).expect("documents are in packaging/doc");
    let below = below.map(|entry| entry.expect("a file can be listed").path());
    let mut all: Vec<PathBuf> = below.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    all.extend(["README.md", "ARCHITECTURE.md"].map(|name| top.join(name)));
    all
}

/// Text and target of each link, `[text](target)`, on a line of its own or not.
fn links(text: &str) -> Vec<(&str, &str)> {
    let ends = text.match_indices("](").map(|(at, _)| at);
    ends.filter_map(|at| {
        let begin = text[..at].rfind('[')?;
        let target = &text[at + 2..];
        Some((&text[begin + 1..at], &target[..target.find(')')?]))
    })
    .collect()
}

#[test]
fn what_a_document_names_is_there() {
    let (mut missing, mut tests) = (Vec::new(), 0);
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document can be read");
        for (name, target) in links(&text) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            let file = document.parent().expect("a document is in a folder").join(path);
            let Some(test) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`')).filter(|_| file.is_file())
            else {
                if !file.exists() {
                    missing.push(format!("{}: {target}", document.display()));
                }
                continue;
            };
            let is_test = test.contains('_') && !test.contains(['/', '.', ' ']);
            let test = test.rsplit("::").next().unwrap_or(test);
            let source = fs::read_to_string(&file).expect("a linked file can be read");
            tests += usize::from(is_test);
            if is_test && !source.contains(&format!("fn {test}(")) && !source.contains(&format!("def {test}(")) {
                missing.push(format!("{}: {test} in {target}", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(tests > 50, "the documents name {tests} tests: were they read?");
}
