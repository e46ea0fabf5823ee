// SPDX-License-Identifier: Apache-2.0
// The OpenAPI 3.1 document of the server, made of the table of routes and that of the fields.
#pragma once

#include "base/json.h"

namespace minimax::server {

base::Json openapi_document();

}  // namespace minimax::server
