// Runs before the script of the user, in a runtime of its own. Gives what the Rust side calls; everything is
// taken from the builtins now, so that a script that changes builtins later changes nothing here.
(function (load, log, longest) {
  'use strict';
  const { create, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, keys } = Object;
  const { apply } = Reflect;
  // Only for headers: a script with proxies of its own could hide the length of an array from the limits.
  const Guarded = Proxy;
  delete globalThis.Proxy;
  const hasOwn = Object.hasOwn;
  const isArray = Array.isArray;
  const objectPrototype = Object.prototype;
  const mapPrototype = Map.prototype;
  const sizeOfMap = getOwnPropertyDescriptor(mapPrototype, 'size').get;
  const forEachOfMap = mapPrototype.forEach;
  const toISOString = Date.prototype.toISOString;
  const toLowerCase = String.prototype.toLowerCase;
  const toText = String;
  const toBigInt = BigInt;
  const Range = RangeError;
  const foreign = [
    Set, WeakMap, WeakSet, RegExp, Promise, Error, Number, String, Boolean, BigInt, Symbol, ArrayBuffer,
    getPrototypeOf(Int8Array), DataView,
  ];
  const ownDate = Date;

  // What is read from JSON: a plain object that can also be used as the maps of the Java migrator can.
  const record = create(mapPrototype);
  const method = (name, value) => defineProperty(record, name, { value, writable: true, configurable: true });
  const set = (target, name, value) =>
    defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
  method('get', function (name) { return hasOwn(this, name) ? this[name] : undefined; });
  method('has', function (name) { return hasOwn(this, name); });
  method('set', function (name, value) { set(this, name, value); return this; });
  method('delete', function (name) { return hasOwn(this, name) && delete this[name]; });
  method('clear', function () { for (const name of keys(this)) delete this[name]; });
  method('keys', function* () { yield* keys(this); });
  method('values', function* () { for (const name of keys(this)) yield this[name]; });
  method('entries', function* () { for (const name of keys(this)) yield [name, this[name]]; });
  method('forEach', function (each, self) {
    for (const name of keys(this)) apply(each, self, [this[name], name, this]);
  });
  method(Symbol.iterator, record.entries);
  method('toString', objectPrototype.toString);
  // The builtin `constructor` would make it look like a map to tools that rebuild objects.
  method('constructor', Object);
  defineProperty(record, 'size', { get() { return keys(this).length; }, configurable: true });
  defineProperty(record, Symbol.toStringTag, { value: 'Object', configurable: true });
  // A document may have a field `__proto__`, but assigning to that name must not replace the prototype.
  defineProperty(record, '__proto__', { value: undefined, writable: true, configurable: true });

  // These walk over as many elements as `length` says, without asking whether time is up.
  const walking = [
    'concat', 'copyWithin', 'fill', 'flat', 'flatMap', 'join', 'pop', 'push', 'reverse', 'shift', 'slice', 'sort',
    'splice', 'toLocaleString', 'toReversed', 'toSorted', 'toSpliced', 'unshift', 'with',
  ];
  const arrayPrototype = Array.prototype;
  for (const name of walking) {
    const builtin = arrayPrototype[name];
    const value = {
      [name](...given) {
        if (!isArray(this)) throw new TypeError(`Array.prototype.${name} takes an array only`);
        if (this.length > longest) throw new Range(`an array of length ${this.length} is too long`);
        return apply(builtin, this, given);
      },
    }[name];
    defineProperty(arrayPrototype, name, { value, writable: true, configurable: true });
  }

  const print = (level) => (...values) => {
    let line = '';
    for (const value of values) line += (line && ' ') + toText(value);
    log(level, line);
  };
  const [debug, error] = [print('debug'), print('error')];
  globalThis.console = { debug, error, info: debug, log: debug, trace: debug, warn: error };

  // What is large is read when the script first asks for it: most scripts look at the rest only.
  let current = null;
  let reader = null;
  const prepare = (item, name) => {
    current = item;
    reader = () => {
      if (current !== item) throw new Error(`the ${name} of an earlier item was asked for`);
      const value = load();
      set(item, name, value);
      return value;
    };
    const write = (value) => set(item, name, value);
    defineProperty(item, name, { get: reader, set: write, enumerable: true, configurable: true });
  };

  // Whether the script never asked for it.
  const isUntouched = (item, name) => {
    const found = getOwnPropertyDescriptor(item, name);
    return item === current && found !== undefined && found.get === reader;
  };

  // Headers by name, in whatever case; they keep the spelling that they have.
  const lower = (name) => apply(toLowerCase, name, []);
  const spelled = (headers, name) => {
    if (typeof name !== 'string' || hasOwn(headers, name)) return name;
    const wanted = lower(name);
    const known = keys(headers);
    for (let i = 0; i < known.length; i++) if (lower(known[i]) === wanted) return known[i];
    return name;
  };
  const anyCase = {
    has: (headers, name) => spelled(headers, name) in headers,
    get: (headers, name) => headers[spelled(headers, name)],
    set: (headers, name, value) => { set(headers, spelled(headers, name), value); return true; },
    deleteProperty: (headers, name) => delete headers[spelled(headers, name)],
    defineProperty: (headers, name, { value }) => { set(headers, spelled(headers, name), value); return true; },
    getOwnPropertyDescriptor: (headers, name) => getOwnPropertyDescriptor(headers, spelled(headers, name)),
  };
  const withHeaders = (message) => { set(message, 'headers', new Guarded(message.headers, anyCase)); };

  // How an object is written: as 'object' (its own enumerable properties), as 'entries' (of a map), or as 'text'.
  // Anything else names the class that JSON has no form for.
  const kind = (value) => {
    const prototype = getPrototypeOf(value);
    if (prototype === record || prototype === objectPrototype || prototype === null) return 'object';
    if (value instanceof ownDate) return 'text';
    for (let i = 0; i < foreign.length; i++) if (value instanceof foreign[i]) return foreign[i].name;
    try { apply(sizeOfMap, value, []); } catch { return 'object'; }
    return 'entries';
  };
  const entries = (map) => {
    const names = [];
    const values = [];
    apply(forEachOfMap, map, [(value, name) => {
      if (typeof name !== 'string') throw new TypeError('a map has a key that is not a string');
      defineProperty(names, names.length, { value: name });
      defineProperty(values, values.length, { value });
    }]);
    return [names, values];
  };
  const text = (date) => apply(toISOString, date, []);
  const integer = (digits) => toBigInt(digits);
  const digits = (big) => toText(big);
  return { record, prepare, isUntouched, withHeaders, kind, entries, text, integer, digits };
})
