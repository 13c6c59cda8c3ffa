//! What the API's bodies look like, as types for its OpenAPI document: one file for each noun.
//!
//! Non-goals: nothing is parsed or written with these types. Requests are read field by field in [`crate::request`], so
//! that every problem is named; what is documented here is what those accept, no more and no less.
//! Conventions: a request's `Option` may be absent or null; a field of an answer that may be absent is `required = false`
//! and never null; every object may grow further fields.
#![expect(dead_code, reason = "these types describe bodies, and are never made")]

pub(super) mod access;
pub(super) mod address;
pub(super) mod admin;
pub(super) mod baseline;
pub(super) mod error;
pub(super) mod event;
pub(super) mod image;
pub(super) mod instance;
pub(super) mod network;
pub(super) mod page;
pub(super) mod plane;
pub(super) mod receipt;
pub(super) mod server;
pub(super) mod server_parts;
pub(super) mod wipe_receipt;

use utoipa::ToSchema;

/// 8-4-4-4-12 lower-case hexadecimal digits; those that the controller makes are UUIDv7.
#[derive(ToSchema)]
#[schema(
    pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    example = "0198170e-4ca7-7000-8000-0123456789ab"
)]
pub(super) struct Id(String);

/// RFC 3339, in UTC.
#[derive(ToSchema)]
#[schema(format = DateTime, example = "2026-10-06T09:00:00Z")]
pub(super) struct Timestamp(String);

/// An IPv4 address.
#[derive(ToSchema)]
#[schema(format = Ipv4, example = "10.20.0.7")]
pub(super) struct Ipv4Address(String);

/// An IPv4 network; host bits are zero.
#[derive(ToSchema)]
#[schema(pattern = "^[0-9]{1,3}(\\.[0-9]{1,3}){3}/[0-9]{1,2}$", example = "10.20.0.0/24")]
pub(super) struct Cidr(String);

/// A MAC address in lower case.
#[derive(ToSchema)]
#[schema(pattern = "^[0-9a-f]{2}(:[0-9a-f]{2}){5}$", example = "52:54:00:12:34:56")]
pub(super) struct Mac(String);

/// A project: 1 to 64 letters, digits, `-` or `_`.
#[derive(ToSchema)]
#[schema(pattern = "^[A-Za-z0-9_-]{1,64}$", example = "lab")]
pub(super) struct Project(String);
