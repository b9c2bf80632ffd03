//! HTTP conventions: routes, headers, hosts, content codings, errors, and the documented command lines.

mod content_encoding;
mod conventions;
mod copied_commands;
mod documented_commands;
mod host_and_origin;
mod html_pages;
mod model;
mod openapi_examples;
mod page_sizes;
mod read_only_and_base_path;
mod routes_and_headers;
