/** Vite makes a sheet of what is imported as CSS. */
declare module "*.css";
