declare module "virtual:licences" {
  /** The packages that are part of the pages: name, version and licence. */
  const licences: readonly (readonly [name: string, version: string, licence: string])[];
  export default licences;
}
