// SPDX-License-Identifier: Apache-2.0
// Where conversations are kept: the browser's database, or memory where it has none for us.

const kDatabase = "minimax";
const kStore = "conversations";

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

class Database {
  constructor(database) {
    this.database = database;
  }
  store(mode) {
    return this.database.transaction(kStore, mode).objectStore(kStore);
  }
  all() {
    return done(this.store("readonly").getAll());
  }
  put(conversation) {
    return done(this.store("readwrite").put(conversation));
  }
  remove(id) {
    return done(this.store("readwrite").delete(id));
  }
}

class Memory {
  constructor() {
    this.map = new Map();
  }
  async all() {
    return [...this.map.values()];
  }
  async put(conversation) {
    this.map.set(conversation.id, conversation);
  }
  async remove(id) {
    this.map.delete(id);
  }
}

/** {all, put, remove, isKept}. */
export async function openStore() {
  try {
    const request = indexedDB.open(kDatabase, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(kStore, { keyPath: "id" });
    const store = new Database(await done(request));
    store.isKept = true;
    return store;
  } catch {
    const store = new Memory();
    store.isKept = false;
    return store;
  }
}

/** A small value that stays; null where nothing was kept. */
export function recall(storage, name) {
  try {
    return storage.getItem(`minimax.${name}`);
  } catch {
    return null;
  }
}

export function keep(storage, name, value) {
  try {
    if (value) {
      storage.setItem(`minimax.${name}`, value);
    } else {
      storage.removeItem(`minimax.${name}`);
    }
  } catch {
    // Storage is forbidden or full: it holds until the page is closed.
  }
}
