//! Lists that come in pages.

use super::{Client, ClientError, call::Call};
use reqwest::{Method, Url};
use serde::{Deserialize, de::DeserializeOwned};

/// The API's largest page.
const PAGE_ITEMS: usize = 1000;
/// A hundred thousand items are more than anyone reads from a terminal.
const MAX_PAGES: usize = 100;

/// Where a page stands in its list.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PageInfo {
    #[serde(default)]
    next_marker: Option<String>,
}

/// A page of a list.
pub(super) trait Page: DeserializeOwned {
    type Item;
    /// The items, and where they stand.
    fn split(self) -> (Vec<Self::Item>, PageInfo);
}

impl Client {
    /// All items, page after page.
    pub(super) async fn pages<P: Page>(&self, url: Url) -> Result<Vec<P::Item>, ClientError> {
        let mut all = Vec::new();
        let mut marker: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let mut page_url = url.clone();
            page_url.query_pairs_mut().append_pair("limit", &PAGE_ITEMS.to_string());
            if let Some(marker) = &marker {
                page_url.query_pairs_mut().append_pair("marker", marker);
            }
            let (items, info) = self.get::<P>(page_url).await?.split();
            all.extend(items);
            match info.next_marker.filter(|next| !next.is_empty()) {
                None => return Ok(all),
                next if next == marker => {
                    return Err(Call::new(&Method::GET, &url).garbled("its pages go in a circle".to_owned()));
                }
                next => marker = next,
            }
        }
        Err(Call::new(&Method::GET, &url).garbled(format!("it has more than {MAX_PAGES} pages")))
    }
}
