// SPDX-License-Identifier: Apache-2.0
// Speaks with the server that the page came from.

const headers = (key) => (key ? { Authorization: `Bearer ${key}` } : {});

/** What the server said went wrong; `status` is 0 where it did not answer. */
export class ServerError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function failure(response) {
  const text = await response.text().catch(() => "");
  let message = "";
  try {
    message = JSON.parse(text).error.message;
  } catch {
    message = text.slice(0, 500);
  }
  return new ServerError(message || `The server answered ${response.status}.`, response.status);
}

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") {
      throw error;
    }
    throw new ServerError("The server does not answer.", 0);
  }
  if (!response.ok) {
    throw await failure(response);
  }
  return response;
}

export async function getJson(path, key) {
  return (await request(path, { headers: headers(key) })).json();
}

export async function getText(path, key) {
  return (await request(path, { headers: headers(key) })).text();
}

/** The data of the events of a stream of bytes, one after the other. */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let data = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const text = line.endsWith("\r") ? line.slice(0, -1) : line;
      if (text === "" && data.length > 0) {
        yield data.join("\n");
        data = [];
      } else if (text.startsWith("data:")) {
        data.push(text.slice(text[5] === " " ? 6 : 5));
      }
    }
  }
}

/**
 * Asks for an answer and hands its pieces to `onPiece({reasoning, content, calls, finish, usage})`.
 * Throws ServerError, or an AbortError once `signal` says so.
 */
export async function streamChat({ body, key, signal, onPiece }) {
  const response = await request("v1/chat/completions", {
    method: "POST",
    signal,
    headers: { "Content-Type": "application/json", ...headers(key) },
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
  });
  try {
    for await (const data of events(response.body)) {
      if (data === "[DONE]") {
        return;
      }
      const chunk = JSON.parse(data);
      if (chunk.error) {
        throw new ServerError(chunk.error.message ?? "The server failed.", 500);
      }
      const choice = chunk.choices?.[0];
      onPiece({
        reasoning: choice?.delta?.reasoning_content ?? choice?.delta?.reasoning ?? "",
        content: choice?.delta?.content ?? "",
        calls: choice?.delta?.tool_calls ?? [],
        finish: choice?.finish_reason ?? null,
        usage: chunk.usage ?? null,
      });
    }
  } catch (error) {
    if (error instanceof ServerError || error.name === "AbortError") {
      throw error;
    }
    throw new ServerError("The connection broke before the answer ended.", 0);
  }
  throw new ServerError("The connection ended before the answer did.", 0);
}
