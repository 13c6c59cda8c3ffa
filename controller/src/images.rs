//! Images: [`import`] brings raw bytes into the canonical form, [`blobs`] keeps it and hands it out.
//!
//! The canonical form of image ID is two files: `ID.zst`, one zstd frame for each chunk (zero chunks too, so that an
//! ordinary `zstd -d` gives the image), and `ID.manifest`, which says what each chunk must be and where its frame lies.
//! The manifest is put in place last: where it is, the image is whole.

pub mod blobs;
pub mod fetch;
pub mod import;
mod pack;
mod service;
mod stream;
mod url_import;

pub use blobs::{BlobError, Blobs, MAX_INDICES};
pub use import::{Expected, ImportError, Imported, Importer};
pub use service::ImageService;
pub use stream::StreamReader;
