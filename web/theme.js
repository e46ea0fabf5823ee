// SPDX-License-Identifier: Apache-2.0
// Runs before the page is drawn, so that it never flashes in the wrong colours.
"use strict";
{
  let theme = null;
  try {
    theme = localStorage.getItem("minimax.theme");
  } catch {
    // Storage is forbidden: the system's colours.
  }
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset.theme = theme;
  }
}
